/** `npm run token`: prints a JWT of the shape that a CI job gets, signed by the local world's own keys. */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { GITHUB_LIFETIME_SECONDS, githubClaims } from './issuers/github.ts'
import { GITLAB_LIFETIME_SECONDS, gitlabClaims } from './issuers/gitlab.ts'
import { type Platform, publicKeys, signingKey } from './issuers/keys.ts'
import { mintToken } from './issuers/mint.ts'
import { ports, stateDir } from './paths.ts'

/** What the local world's GitLab calls itself: the URL by which authentik reaches it inside of the cluster. */
const LOCAL_GITLAB = 'http://issuers.outside-world.svc.cluster.local:9080/gitlab'

const HELP = `Prints a CI job's token, signed by the keys of the local world. It prints the JWT alone.

  npm run -s token -- github --repository acme/app --ref refs/heads/main
  npm run -s token -- gitlab --project acme/app --ref main

  --repository OWNER/NAME   github: the repository that the job runs in
  --project GROUP/NAME      gitlab: the project that the job runs in
  --ref REF                 branch or tag (default: refs/heads/main; gitlab: main)
  --audience TEXT           whom the token is for (default: localhost:${ports.registry})
  --ttl SECONDS             how long it lives (default: github ${GITHUB_LIFETIME_SECONDS}, gitlab ${GITLAB_LIFETIME_SECONDS}); negative: expired that long ago
  --claims JSON             an object merged over all other claims
  --keys                    prints the platform's public keys instead, as a source's \`jwks\` takes them
  --help                    this text
`

/** Wrong usage: the message says what was expected and what came. */
class Usage extends Error {}

const OPTIONS = {
  repository: { type: 'string' },
  project: { type: 'string' },
  ref: { type: 'string' },
  audience: { type: 'string' },
  ttl: { type: 'string' },
  claims: { type: 'string' },
  keys: { type: 'boolean' },
  help: { type: 'boolean' },
} as const

/**
 * @param args what follows `npm run token --`
 * @param directory where the signing keys are, and are made where they are missing
 * @param now milliseconds since the epoch
 * @returns the text to print
 * @throws Usage
 */
export async function token(args: string[], directory: string, now: number): Promise<string> {
  const { values, positionals } = parse(args)
  if (values.help) return HELP
  const platform = positionals[0]
  if ((platform !== 'github' && platform !== 'gitlab') || positionals.length > 1) {
    throw new Usage(`expected "github" or "gitlab", got "${positionals.join(' ')}"`)
  }
  if (values.keys) return `${JSON.stringify(publicKeys(await signingKey(directory, platform)))}\n`
  const claims = { ...platformClaims(platform, values), ...claimsOption(values.claims) }
  const lifetime = platform === 'github' ? GITHUB_LIFETIME_SECONDS : GITLAB_LIFETIME_SECONDS
  const ttl = ttlOption(values.ttl, lifetime)
  const audience = values.audience ?? `localhost:${ports.registry}`
  const key = await signingKey(directory, platform)
  return `${mintToken({ key, claims, audience, ttl, now })}\n`
}

type Values = ReturnType<typeof parse>['values']

function parse(args: string[]) {
  try {
    // `--ttl -60`: parseArgs takes a value that begins with a dash only behind an equals sign.
    return parseArgs({ args: joinNegative(args), options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new Usage((error as Error).message)
  }
}

function joinNegative(args: string[]): string[] {
  const at = args.findIndex((arg, i) => arg === '--ttl' && /^-\d+$/.test(args[i + 1] ?? ''))
  return at < 0 ? args : [...args.slice(0, at), `--ttl=${args[at + 1]}`, ...args.slice(at + 2)]
}

function platformClaims(platform: Platform, { repository, project, ref }: Values): Record<string, string> {
  if (platform === 'github') {
    if (project !== undefined) throw new Usage('--project is for gitlab; github takes --repository OWNER/NAME')
    const job = { repository: path('--repository', repository), ref: ref ?? 'refs/heads/main' }
    if (!job.ref.startsWith('refs/')) {
      throw new Usage(`--ref of github is a full ref such as refs/heads/main, got "${job.ref}"`)
    }
    return githubClaims(job)
  }
  if (repository !== undefined) throw new Usage('--repository is for github; gitlab takes --project GROUP/NAME')
  return gitlabClaims({ project: path('--project', project), ref: ref ?? 'main', issuer: LOCAL_GITLAB })
}

function path(option: string, value: string | undefined): string {
  if (value && /^[^/\s]+(\/[^/\s]+)+$/.test(value)) return value
  throw new Usage(`${option} is needed, such as ${option} acme/app; got ${value === undefined ? 'none' : `"${value}"`}`)
}

function ttlOption(value: string | undefined, otherwise: number): number {
  if (value === undefined) return otherwise
  if (/^-?\d{1,9}$/.test(value)) return Number(value)
  throw new Usage(`--ttl is a number of seconds, such as 300 or -60; got "${value}"`)
}

function claimsOption(value: string | undefined): Record<string, unknown> {
  if (value === undefined) return {}
  const claims = parseObject(value)
  if (!claims) throw new Usage(`--claims is a JSON object, such as '{"ref_protected":"false"}'; got ${value}`)
  return claims
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

if (import.meta.main) {
  try {
    process.stdout.write(await token(process.argv.slice(2), join(stateDir, 'issuers'), Date.now()))
  } catch (error) {
    console.error(`npm run token: ${(error as Error).message}`)
    if (error instanceof Usage) console.error('npm run token -- --help says more.')
    process.exitCode = error instanceof Usage ? 2 : 1
  }
}

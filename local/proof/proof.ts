/**
 * The proof that a freshly brought up world does what it is for: CI tokens push, and nobody else gets in.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Platform } from '../issuers/keys.ts'
import { issuersDir } from '../paths.ts'
import { Stop, step } from '../steps.ts'
import { token } from '../token.ts'
import { type Client, logIn } from './clients.ts'
import { makeImage, manifestDigest } from './image.ts'

/** Large enough that chunked uploads, the ingress' body size and the volume take part. */
const image = { layers: 2, bytes: 24 * 1024 * 1024 }

const trusted = 'acme/app'
const stranger = 'stranger/app'

interface Credential {
  platform: Platform
  repository: string
  audience: string
  /** Seconds; negative for a token that has run out already. */
  ttl?: number
}

/**
 * Pushes an image with a GitHub-shaped and a GitLab-shaped token, pulls both back, compares digests; then shows that
 * a stranger's push, a stranger's pull and an expired token are refused.
 *
 * @throws Stop with what the client said, at the first thing that is not as it must be
 */
export async function prove(registry: string, audience: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'registry-proof-'))
  // Of its own for each, so that no layer is there already.
  const layouts = { github: await makeImage(image), gitlab: await makeImage(image) }
  try {
    for (const [platform, name] of [
      ['github', 'skopeo'],
      ['gitlab', 'crane'],
    ] as const) {
      const layout = layouts[platform]
      await step(
        `${name} pushes 24 MB to ${trusted} with a ${platform} token, pulls it back, digests are equal`,
        async () => {
          await using client = await open(name, registry, { platform, repository: trusted, audience })
          const reference = `${trusted}:${platform}`
          accepted(await client.push(layout, reference), `${name} push`)
          const back = join(work, platform)
          accepted(await client.pull(reference, back), `${name} pull`)
          const [pushed, pulled] = await Promise.all([manifestDigest(layout), manifestDigest(back)])
          if (pushed !== pulled) throw new Stop(`Pushed ${pushed}, but pulled ${pulled} from ${reference}.`)
        },
      )
    }
    await step('a stranger may neither push nor pull', async () => {
      await using client = await open('skopeo', registry, { platform: 'github', repository: stranger, audience })
      refused(await client.push(layouts.github, `${trusted}:stolen`), 'A stranger pushed')
      refused(await client.pull(`${trusted}:github`, join(work, 'stolen')), 'A stranger pulled')
    })
    await step('an expired token is refused', async () => {
      const expired = { platform: 'github', repository: trusted, audience, ttl: -60 } as const
      await using client = await open('crane', registry, expired)
      refused(await client.push(layouts.github, `${trusted}:late`), 'An expired token pushed')
    })
  } finally {
    for (const dir of [work, ...Object.values(layouts)]) await rm(dir, { recursive: true, force: true })
  }
}

async function open(name: Client['name'], registry: string, credential: Credential): Promise<Client> {
  const { platform, repository, audience, ttl } = credential
  const args = [platform, platform === 'github' ? '--repository' : '--project', repository, '--audience', audience]
  if (ttl !== undefined) args.push('--ttl', String(ttl))
  const jwt = await token(args, issuersDir, Date.now())
  return logIn(name, registry, jwt.trim())
}

type Outcome = Awaited<ReturnType<Client['push']>>

function accepted({ exitCode, stderr }: Outcome, what: string): void {
  if (exitCode !== 0) throw new Stop(`${what} was expected to succeed. The client said:\n${stderr.trim()}`)
}

/** Only a refusal counts: a client that failed for any other reason proves nothing. */
function refused({ exitCode, stderr }: Outcome, what: string): void {
  if (exitCode === 0) throw new Stop(`${what}, which must never happen. Do not use this stack; please report it.`)
  if (!/denied|unauthorized/i.test(stderr))
    throw new Stop(`A refusal was expected, but the client said:\n${stderr.trim()}`)
}

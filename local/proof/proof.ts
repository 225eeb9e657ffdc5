/**
 * The proof that a new world works: CI tokens push, and all others are refused.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Platform } from '../issuers/keys.ts'
import { issuersDir } from '../paths.ts'
import { Stop, step } from '../steps.ts'
import { token } from '../token.ts'
import { type Client, logIn, logInWithSession, openSession } from './clients.ts'
import { makeImage, manifestDigest } from './image.ts'

/** Large enough that chunked uploads, the ingress' body size and the volume take part. */
const image = { layers: 2, bytes: 24 * 1024 * 1024 }

const trusted = 'acme/app'
const stranger = 'stranger/app'

/** Life of the CI token with which the session begins: long enough to log in, short enough to wait for its end. */
const sessionLoginSeconds = 4

interface World {
  registry: string
  audience: string
  sessions: boolean
  /** What the image of the GitHub-shaped token runs. */
  program: string
}

interface Credential {
  platform: Platform
  repository: string
  audience: string
  /** Seconds; negative for a token that has run out already. */
  ttl?: number
}

/**
 * Pushes an image with a GitHub-shaped and a GitLab-shaped token, pulls both back, compares digests; then shows that a
 * stranger and an expired token are refused with a reason, and that a session still works after its token has expired.
 *
 * @param world registry: host and port; audience: of CI tokens; sessions: whether the stack gives any
 * @returns the image that the GitHub-shaped token pushed, by its digest
 * @throws Stop with what the client said, at the first check that fails
 */
export async function prove({ registry, audience, sessions, program }: World): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'registry-proof-'))
  // Of its own for each, so that no layer is there already.
  const layouts = {
    github: await makeImage({ ...image, program }),
    gitlab: await makeImage(image),
    session: await makeImage(image),
  }
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
    await step('a stranger may neither push nor pull; the message says that no rule matches', async () => {
      await using client = await open('skopeo', registry, { platform: 'github', repository: stranger, audience })
      const why = /no rule of source .*github.* matches repository .*stranger\/app/
      refused(await client.push(layouts.github, `${trusted}:stolen`), 'A stranger pushed', why)
      refused(await client.pull(`${trusted}:github`, join(work, 'stolen')), 'A stranger pulled', why)
    })
    await step('a job may not push outside its rules; the message says what it may push', async () => {
      await using client = await open('skopeo', registry, { platform: 'github', repository: trusted, audience })
      refused(
        await client.push(layouts.github, 'acme/other:stolen'),
        'A job pushed to a foreign name',
        /push .*acme\/app/,
      )
    })
    await step('an expired token is refused; the message says that it has expired', async () => {
      const expired = { platform: 'github', repository: trusted, audience, ttl: -60 } as const
      await using client = await open('crane', registry, expired)
      refused(await client.push(layouts.github, `${trusted}:late`), 'An expired token pushed', /expired \d+ s ago/)
    })
    if (sessions) {
      await step(`a job that logged in pushes when its token has ended (${sessionLoginSeconds} s)`, async () => {
        const job = { platform: 'github', repository: trusted, audience, ttl: sessionLoginSeconds } as const
        const jwt = await mint(job)
        const session = await openSession(registry, jwt)
        await sleep((sessionLoginSeconds + 1) * 1000)
        await using ended = await logIn('crane', registry, jwt)
        refused(await ended.push(layouts.github, `${trusted}:late`), 'An expired token pushed', /expired/)
        await using client = await logInWithSession('crane', registry, session)
        accepted(await client.push(layouts.session, `${trusted}:session`), 'crane push with the session')
        refused(await client.push(layouts.github, 'acme/other:stolen'), 'A session pushed to a foreign name')
      })
    }
    return `${registry}/${trusted}@${await manifestDigest(layouts.github)}`
  } finally {
    for (const dir of [work, ...Object.values(layouts)]) await rm(dir, { recursive: true, force: true })
  }
}

const open = async (name: Client['name'], registry: string, credential: Credential): Promise<Client> =>
  logIn(name, registry, await mint(credential))

async function mint({ platform, repository, audience, ttl }: Credential): Promise<string> {
  const args = [platform, platform === 'github' ? '--repository' : '--project', repository, '--audience', audience]
  if (ttl !== undefined) args.push('--ttl', String(ttl))
  return (await token(args, issuersDir, Date.now())).trim()
}

type Outcome = Awaited<ReturnType<Client['push']>>

function accepted({ exitCode, stderr }: Outcome, what: string): void {
  if (exitCode !== 0) throw new Stop(`${what} was expected to succeed. The client said:\n${stderr.trim()}`)
}

/** Only a refusal counts, for the reason that is expected: a client that failed for another one proves nothing. */
function refused({ exitCode, stderr }: Outcome, what: string, why = /denied|unauthorized/i): void {
  if (exitCode === 0) throw new Stop(`${what}, which must never happen. Do not use this stack; please report it.`)
  if (!why.test(stderr)) throw new Stop(`A refusal by ${why} was expected, but the client said:\n${stderr.trim()}`)
}

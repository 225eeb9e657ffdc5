/** Real clients that push an image of their own each time, all with the session of one login. */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProcessOutput } from 'zx'
import { type Client, ciUser, logInWithSession, openSession } from '../../local/proof/clients.ts'
import { makeImage, manifestDigest } from '../../local/proof/image.ts'
import { run } from '../../local/toolchain/command.ts'
import { startBuildKit } from '../e2e/buildkit.ts'
import { startDocker } from '../e2e/docker.ts'
import { jobToken, registry } from '../e2e/job.ts'

/** One layer of random bytes: large enough for an upload, small enough for one a second. */
const LAYER_BYTES = 50_000
const PACK_SECONDS = 60

const REPOSITORY = 'acme/app/soak'

export interface Pusher {
  readonly name: string
  /** Pushes a new image. @returns its digest. @throws Error with what the client printed */
  push(tag: string): Promise<string>
}

export interface Puller {
  readonly name: string
  /** @returns the digest of what it pulled. @throws Error with what the client printed */
  pull(tag: string): Promise<string>
}

export interface Clients extends AsyncDisposable {
  readonly session: string
  /** Who pushes in turn, and who pulls what each has pushed. */
  readonly pairs: readonly { readonly pusher: Pusher; readonly puller: Puller }[]
}

/** `acme/app/soak:7` */
export const nameOf = (tag: string): string => `${REPOSITORY}:${tag}`
export const repository = REPOSITORY

function succeeded({ exitCode, stdout, stderr }: ProcessOutput): string {
  if (exitCode === 0) return `${stdout}\n${stderr}`
  throw new Error(stderr.trim() || stdout.trim() || `ended with ${exitCode}`)
}

function digestIn(output: string, pattern: RegExp): string {
  const digest = pattern.exec(output)?.[1]
  if (digest === undefined) throw new Error(`no digest in what it printed: ${output.slice(-500)}`)
  return digest
}

/** Starts the daemons and logs all of them in. */
export async function startClients(): Promise<Clients> {
  await using started = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'soak-'))
  started.defer(() => rm(dir, { recursive: true, force: true }))
  const jwt = await jobToken('github', 'acme/app')
  const session = await openSession(registry, jwt)
  const skopeo = started.use(await logInWithSession('skopeo', registry, session))
  const crane = started.use(await logInWithSession('crane', registry, session))
  const oras = started.use(await logInWithSession('oras', registry, session))
  const docker = started.use(await startDocker())
  succeeded(await docker.run(['login', registry, '--username', ciUser, '--password-stdin'], jwt))
  const buildkit = started.use(await startBuildKit(registry))

  const ofLayout = (client: Client): Pusher & Puller => ({
    name: client.name,
    async push(tag) {
      const layout = await makeImage({ layers: 1, bytes: LAYER_BYTES })
      try {
        succeeded(await client.push(layout, nameOf(tag)))
        return await manifestDigest(layout)
      } finally {
        await rm(layout, { recursive: true, force: true })
      }
    },
    async pull(tag) {
      const layout = join(dir, `${client.name}-${tag}`)
      try {
        succeeded(await client.pull(nameOf(tag), layout))
        return await manifestDigest(layout)
      } finally {
        await rm(layout, { recursive: true, force: true })
      }
    },
  })
  const dockers: Pusher & Puller = {
    name: 'docker',
    async push(tag) {
      const [file, archive] = [join(dir, `docker-${tag}`), join(dir, `docker-${tag}.tar`)]
      await writeFile(file, randomBytes(LAYER_BYTES))
      await run(['tar', '-cf', archive, '-C', dir, `docker-${tag}`], { timeoutSeconds: PACK_SECONDS })
      const reference = `${registry}/${nameOf(tag)}`
      succeeded(await docker.run(['import', archive, reference]))
      await Promise.all([rm(file), rm(archive)])
      return digestIn(succeeded(await docker.run(['push', reference])), /digest: (sha256:[0-9a-f]{64})/)
    },
    pull: async (tag) =>
      digestIn(succeeded(await docker.run(['pull', `${registry}/${nameOf(tag)}`])), /Digest: (sha256:[0-9a-f]{64})/),
  }
  const buildkits: Pusher = {
    name: 'buildkit',
    async push(tag) {
      const folder = join(dir, `buildkit-${tag}`)
      await mkdir(folder)
      await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY content /content\n')
      await writeFile(join(folder, 'content'), randomBytes(LAYER_BYTES))
      const image = `${registry}/${nameOf(tag)}`
      const built = await buildkit.build(folder, docker.config, { image })
      await rm(folder, { recursive: true })
      return digestIn(succeeded(built), /pushing manifest for \S+@(sha256:[0-9a-f]{64})/)
    },
  }
  const owned = started.move()
  return {
    session,
    pairs: [
      { pusher: ofLayout(skopeo), puller: ofLayout(crane) },
      // skopeo would turn an image of docker or BuildKit into an OCI image, which has another digest.
      { pusher: ofLayout(crane), puller: ofLayout(oras) },
      { pusher: ofLayout(oras), puller: ofLayout(skopeo) },
      { pusher: dockers, puller: ofLayout(crane) },
      { pusher: buildkits, puller: dockers },
    ],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

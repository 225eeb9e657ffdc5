/** A real BuildKit daemon and client, with folders of their own, ended when the test is. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { $, type ProcessOutput } from 'zx'
import { ensureTool } from '../../local/toolchain/index.ts'
import { startDaemon } from './daemon.ts'

/** Seconds for one build. */
const BUILD_LIMIT_SECONDS = 120

export interface BuildKit {
  /**
   * Builds the Dockerfile in a folder, pushes the image, and the cache where it has a name.
   * @param config docker's folder with the credentials of the registry
   */
  build(folder: string, config: string, push: { image: string; cache?: string }): Promise<ProcessOutput>
  /** Builds a Dockerfile whose base is an image on this machine, into an archive, with no registry. */
  archive(source: DockerfileSource, image: { reference: string; file: string }): Promise<ProcessOutput>
  [Symbol.asyncDispose](): Promise<void>
}

export interface DockerfileSource {
  /** Folder of the Dockerfile, and the folder that it copies from. */
  dockerfile: string
  context: string
  /** The image that BASE_IMAGE names, the folder of the OCI layout that it lies in, and the digest of its manifest. */
  base: { reference: string; layout: string; digest: string }
}

/** Starts a daemon that reaches `registry` by HTTP, as the local world has it. */
export async function startBuildKit(registry: string): Promise<BuildKit> {
  const bin = dirname(await ensureTool('buildkit'))
  const dir = await mkdtemp(join(tmpdir(), 'buildkit-'))
  const address = `unix://${dir}/buildkitd.sock`
  const settings = join(dir, 'buildkitd.toml')
  await writeFile(settings, `[registry."${registry}"]\n  http = true\n`)
  // No network of its own for builds, and a snapshotter that works on any file system.
  const worker = ['--oci-worker-net=host', '--oci-worker-snapshotter=native', '--containerd-worker=false']
  const buildctl = (args: string[], env: Record<string, string> = {}) =>
    $({
      quiet: true,
      nothrow: true,
      timeout: `${BUILD_LIMIT_SECONDS}s`,
      env: { ...process.env, ...env },
    })`${join(bin, 'buildctl')} --addr=${address} ${args}`
  const end = await startDaemon(
    [join(bin, 'buildkitd'), `--addr=${address}`, `--root=${dir}/root`, `--config=${settings}`, ...worker],
    dir,
    async () => (await buildctl(['debug', 'workers'])).exitCode === 0,
  )
  return {
    build(folder, config, { image, cache }) {
      const from = ['--frontend=dockerfile.v0', `--local=context=${folder}`, `--local=dockerfile=${folder}`]
      const to = [`--output=type=image,name=${image},push=true`]
      if (cache !== undefined) to.push(`--export-cache=type=registry,ref=${cache},mode=max`)
      return buildctl(['build', '--progress=plain', ...from, ...to], { DOCKER_CONFIG: config })
    },
    archive({ dockerfile, context, base }, { reference, file }) {
      const from = ['--frontend=dockerfile.v0', `--local=context=${context}`, `--local=dockerfile=${dockerfile}`]
      // BuildKit knows named contexts by the short form of a reference, as `docker build` does.
      const short = base.reference.replace(/^docker\.io\/(library\/)?/, '')
      const on = [
        `--opt=build-arg:BASE_IMAGE=${base.reference}`,
        `--oci-layout=base=${base.layout}`,
        `--opt=context:${short}=oci-layout://base@${base.digest}`,
      ]
      return buildctl(['build', '--progress=plain', ...from, ...on, `--output=type=oci,name=${reference},dest=${file}`])
    },
    [Symbol.asyncDispose]: end,
  }
}

/**
 * Deploys the stand-in authentik and the stand-in CI issuers into the cluster, as the outside world of the stack.
 *
 * They travel as one bundled file each in a ConfigMap on the Node image, which also holds a Python 3, so that they
 * run on any cluster that the stack may name.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { PYTHON_FILES } from '../authentik/expressions/worker.ts'
import { deployment, type Manifest, RECREATE } from '../kubernetes/index.ts'
import { projectDir } from '../paths.ts'
import { outsideWorld } from './settings.ts'

export interface StandIn {
  name: string
  port: number
  image: string
  /** File name to text, mounted read-only at /app. */
  code: Record<string, string>
  env: Record<string, string>
  /** File name to text, mounted read-only at /run/secrets/<name>. */
  secret: Record<string, string>
  /** Whether it stores data, at /data. */
  keepsData: boolean
  /** Path that answers 200 when it is ready. */
  readyPath: string
}

const runAs = 65532

/** What every pod of the outside world is like. */
export const restrictedPod = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  terminationGracePeriodSeconds: 5,
  securityContext: { runAsNonRoot: true, runAsUser: runAs, runAsGroup: runAs, fsGroup: runAs },
}
export const restrictedContainer = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
}

/** Bundles a TypeScript entry with all that it imports into the text of one ES module for Node. */
async function bundleProgram(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(projectDir, entry)],
    absWorkingDir: projectDir,
    bundle: true,
    minify: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
  const [file] = outputFiles
  if (file === undefined) throw new Error(`esbuild wrote nothing for ${entry}`)
  return file.text
}

/** The stand-in authentik; `apiToken` is the token of its administrator. */
export async function standInAuthentik(image: string, apiToken: string): Promise<StandIn> {
  const python = PYTHON_FILES.map(async (file) => [
    file,
    await readFile(join(projectDir, 'local', 'authentik', 'expressions', file), 'utf8'),
  ])
  return {
    name: outsideWorld.authentik.service,
    port: outsideWorld.authentik.port,
    image,
    code: {
      'main.mjs': await bundleProgram('local/authentik/main.ts'),
      ...Object.fromEntries(await Promise.all(python)),
    },
    env: {
      DATA_DIR: '/data',
      AUTHENTIK_BOOTSTRAP_TOKEN_FILE: '/run/secrets/authentik/token',
      PYTHON: 'python3',
    },
    secret: { token: apiToken },
    keepsData: true,
    readyPath: '/-/health/ready/',
  }
}

/** The stand-in issuers; they are given public keys only, tokens are signed by `npm run token`. */
export async function standInIssuers(image: string, publicKeys: Record<string, string>): Promise<StandIn> {
  const { service, port, namespace } = { ...outsideWorld.issuers, namespace: outsideWorld.namespace }
  return {
    name: service,
    port,
    image,
    code: { 'main.mjs': await bundleProgram('local/issuers/main.ts') },
    env: { JWKS_DIR: '/run/secrets/issuers', BASE_URL: `http://${service}.${namespace}.svc.cluster.local:${port}` },
    secret: publicKeys,
    keepsData: false,
    readyPath: '/github/.well-known/jwks',
  }
}

/** The Kubernetes objects of one stand-in. */
export function manifests(standIn: StandIn): Manifest[] {
  const { name, port } = standIn
  const metadata = { name, namespace: outsideWorld.namespace, labels: { app: name } }
  const contents = createHash('sha256')
    .update(JSON.stringify([standIn.code, standIn.secret]))
    .digest('hex')
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata,
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  }
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: standIn.code },
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: standIn.secret },
    ...(standIn.keepsData ? [claim] : []),
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: name }, ports: [{ port }] } },
    deployment(
      metadata,
      {
        ...restrictedPod,
        containers: [
          {
            name,
            image: standIn.image,
            command: ['node', '/app/main.mjs'],
            env: Object.entries({ PORT: String(port), HOST: '0.0.0.0', ...standIn.env }).map(([name, value]) => ({
              name,
              value,
            })),
            ports: [{ containerPort: port }],
            readinessProbe: { httpGet: { path: standIn.readyPath, port }, periodSeconds: 1 },
            securityContext: restrictedContainer,
            volumeMounts: [
              { name: 'code', mountPath: '/app' },
              { name: 'secret', mountPath: `/run/secrets/${name}`, readOnly: true },
              ...(standIn.keepsData ? [{ name: 'data', mountPath: '/data' }] : []),
            ],
          },
        ],
        volumes: [
          { name: 'code', configMap: { name } },
          { name: 'secret', secret: { secretName: name } },
          ...(standIn.keepsData ? [{ name: 'data', persistentVolumeClaim: { claimName: name } }] : []),
        ],
      },
      { ...RECREATE, annotations: { 'passwordless-registry/contents': contents } },
    ),
  ]
}

/** The namespace that holds them; deleting it takes the stand-ins away. */
export const outsideWorldNamespace: Manifest = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: outsideWorld.namespace, labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } },
}

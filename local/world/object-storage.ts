/** A bucket for `npm run up -- --storage s3`: a real S3 server, versitygw, as a pod of the outside world. */
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { images } from '../images/index.ts'
import { apply, deployment, loadKubeconfig, type Manifest, RECREATE } from '../kubernetes/index.ts'
import { stateDir } from '../paths.ts'
import { step } from '../steps.ts'
import { rolledOut } from './rollout.ts'
import { ensureSecretFile } from './secret-file.ts'
import { outsideWorld } from './settings.ts'
import { outsideWorldNamespace, restrictedContainer, restrictedPod } from './stand-ins.ts'

/** Holds the secret half of the keys of this world's bucket. */
export const bucketKeyDir = join(stateDir, 'object-storage')

const NAME = 's3'
const PORT = 7070
const REGION = 'local-1'
/** A folder of the server's volume, in `buckets/`. */
export const BUCKET = 'images'
const ACCESS_KEY = 'registry'
/** In the namespace of the stack, as a person makes it before the first `pulumi up`. */
const KEYS = 'bucket-keys'
const NAMESPACE = 'passwordless-registry'

const SETTING = {
  s3: {
    bucket: BUCKET,
    region: REGION,
    endpoint: `http://${NAME}.${outsideWorld.namespace}.svc.cluster.local:${PORT}`,
    secret: KEYS,
  },
}

/** The text of a stack's config, with its images on that bucket. */
export function onBucket(configText: string, changed: object = {}): string {
  const file = parse(configText)
  file.config['passwordless-registry:storage'] = { s3: { ...SETTING.s3, ...changed } }
  return stringify(file)
}

/**
 * Starts the server with an empty bucket, or takes over the one that runs; lays its keys where the stack finds them.
 */
export async function openObjectStorage(kubeconfig: string, context?: string): Promise<void> {
  const config = loadKubeconfig(kubeconfig, context)
  const secretKey = await ensureSecretFile(join(bucketKeyDir, 'secret-key'))
  await step('S3 server running', async () => {
    await apply(config, [outsideWorldNamespace, ...manifests(secretKey), ...keysForStack(secretKey)])
    await rolledOut(config, NAME)
  })
}

function keysForStack(secretKey: string): Manifest[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: KEYS, namespace: NAMESPACE },
      stringData: { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: secretKey },
    },
  ]
}

function manifests(secretKey: string): Manifest[] {
  const metadata = { name: NAME, namespace: outsideWorld.namespace, labels: { app: NAME } }
  const data = { name: 'data', mountPath: '/data' }
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { secretKey } },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata,
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } } },
    },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: NAME }, ports: [{ port: PORT }] } },
    deployment(
      metadata,
      {
        ...restrictedPod,
        initContainers: [
          {
            name: 'bucket',
            image: images.node,
            // Folders of the first are buckets; what S3 knows beside their contents is in the second.
            command: [
              'node',
              '-e',
              `for (const dir of ['buckets/${BUCKET}', 'metadata']) fs.mkdirSync('/data/' + dir, { recursive: true })`,
            ],
            securityContext: restrictedContainer,
            volumeMounts: [data],
          },
        ],
        containers: [
          {
            name: NAME,
            image: images.versitygw,
            args: [
              ...['--port', `:${PORT}`, '--region', REGION, '--health', '/health', '--quiet'],
              ...['posix', '--sidecar', '/data/metadata', '/data/buckets'],
            ],
            env: [
              { name: 'ROOT_ACCESS_KEY', value: ACCESS_KEY },
              { name: 'ROOT_SECRET_KEY', valueFrom: { secretKeyRef: { name: NAME, key: 'secretKey' } } },
            ],
            ports: [{ containerPort: PORT }],
            readinessProbe: { httpGet: { path: '/health', port: PORT }, periodSeconds: 1 },
            securityContext: restrictedContainer,
            volumeMounts: [data],
          },
        ],
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: NAME } }],
      },
      RECREATE,
    ),
  ]
}

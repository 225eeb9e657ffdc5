/**
 * A container beside the registry that makes events of its notifications. It listens on the loopback interface of their
 * pod: distribution writes the headers of its endpoints into its log, so a secret in them would not stay secret, and
 * only the registry reaches it there. It runs from before the registry begins until after it has ended (Kubernetes
 * 1.29, "Sidecar Containers"), so the registry's last notifications arrive.
 */
import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import type { EventSource } from '../../events/actor.ts'
import { eventsFileName } from '../../events/bundle.ts'
import type { BundleFiles } from '../../service/bundle.ts'
import type { Events } from './events-setting.ts'
import { labels } from './labels.ts'
import { type OutwardCalls, proxyVariables } from './outward-calls.ts'
import { type PodSettings, resourcesOf } from './pod-settings.ts'
import { EVENTS_PORT } from './ports.ts'
import { CONTAINER_SECURITY } from './restricted.ts'
import { versionedFiles } from './versioned-files.ts'

const NAME = 'registry-events'
const DIR = '/srv/events'
const CA_FILE = 'ca.pem'
const TOKEN_KEY = 'token'
/** Measured: 70 MiB, and 125 with the longest notifications one after the other. */
const RESOURCES = { requests: { cpu: '10m', memory: '80Mi' }, limits: { memory: '160Mi' } }

export interface EventsArgs {
  /** The setting, which is not off. */
  events: NonNullable<Events>
  token: string | undefined
  /** The registry's public URL. */
  registryUrl: string
  sources: readonly EventSource[]
  /** An image with Node.js, and the code that runs on it. */
  nodeImage: string
  bundle: BundleFiles
}

/** Parts of the registry's pod. */
export function eventsSidecar(
  { events, token, registryUrl, sources, nodeImage, bundle }: EventsArgs,
  { namespace, caBundle, proxy, pods }: OutwardCalls & { namespace: pulumi.Input<string>; pods: PodSettings },
  parent: pulumi.Resource,
) {
  const files = versionedFiles(
    NAME,
    { namespace, files: { ...bundle, ...(caBundle !== undefined && { [CA_FILE]: caBundle }) } },
    parent,
  )
  const secret =
    token === undefined
      ? undefined
      : new kubernetes.core.v1.Secret(
          NAME,
          {
            // Pulumi gives a new token a new random name, so that the pods roll over.
            metadata: { namespace, labels: labels('registry') },
            data: pulumi.secret({ [TOKEN_KEY]: Buffer.from(token).toString('base64') }),
            immutable: true,
          },
          { parent },
        )
  const container = {
    name: 'events',
    image: nodeImage,
    restartPolicy: 'Always',
    command: ['node', '--enable-source-maps', `${DIR}/${eventsFileName}`],
    env: [
      { name: 'PORT', value: String(EVENTS_PORT) },
      { name: 'REGISTRY_URL', value: registryUrl },
      { name: 'SOURCES', value: JSON.stringify(sources) },
      ...(events.url === undefined ? [] : [{ name: 'EVENTS_URL', value: events.url }]),
      ...(secret === undefined
        ? []
        : [{ name: 'EVENTS_TOKEN', valueFrom: { secretKeyRef: { name: secret.metadata.name, key: TOKEN_KEY } } }]),
      ...(caBundle === undefined ? [] : [{ name: 'NODE_EXTRA_CA_CERTS', value: `${DIR}/${CA_FILE}` }]),
      ...proxyVariables({ proxy }),
    ],
    resources: resourcesOf(pods, 'events', RESOURCES),
    securityContext: CONTAINER_SECURITY,
    volumeMounts: [{ name: NAME, mountPath: DIR, readOnly: true }],
  }
  return { container, volume: { name: NAME, configMap: { name: files.metadata.name } } }
}

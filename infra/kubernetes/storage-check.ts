/**
 * A Job that tries a bucket before the registry rolls out with it, with the registry's own binary and in its name:
 * writes, reads and deletes. A wrong name or missing rights end `pulumi up` with one sentence, and what runs keeps
 * running.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { conflictAdvice } from './conflict-advice.ts'
import { labels } from './labels.ts'
import { type PodSettings, resourcesOf } from './pod-settings.ts'
import { REGISTRY_PATHS } from './registry-paths.ts'
import { type RegistryPodArgs, registryPod } from './registry-pod.ts'
import { CONTAINER_SECURITY } from './restricted.ts'
import type { StorageDriver } from './storage-driver.ts'
import { versionedFiles } from './versioned-files.ts'

export const STORAGE_CHECK = 'registry-storage-check'
const SCRIPT = 'storage-check.mts'
const SCRIPT_DIR = '/srv/storage-check'
const CONFIG = 'storage-check.yml'
/** On the pod's loopback interface, since nobody else may reach it. */
const PORT = 5001
/** Where the check looks whether the Secret with the keys has them. */
const SECRET_DIR = '/srv/secret'
/** Images may have to be pulled first. */
const DEADLINE_SECONDS = 240

const RESOURCES = { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '128Mi' } }

/** Where it writes: beside the images. */
const FOLDER = 'storage-check'

/** The registry's configuration for the check: without authentication, and in a folder of its own. */
export function storageCheckConfig({ driver }: RegistryPodArgs['storage']) {
  const [kind = '', parameters = {}] = Object.entries(driver)[0] ?? []
  const { rootdirectory } = parameters
  return {
    version: 0.1,
    log: { level: 'info', accesslog: { disabled: true } },
    storage: {
      [kind]: { ...parameters, rootdirectory: rootdirectory === undefined ? FOLDER : `${rootdirectory}/${FOLDER}` },
      redirect: { disable: true },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    // With a time to drain it ends at SIGTERM by itself, with exit code 0.
    http: { addr: `127.0.0.1:${PORT}`, draintimeout: '1s' },
  }
}

/** A pod that waits for a Secret says nothing for minutes, so this one starts without, and the check says what is missing. */
function withoutItsSecret({ env, volumes, ...storage }: StorageDriver): StorageDriver {
  return {
    ...storage,
    env: env.map(({ name, valueFrom: { secretKeyRef } }) => ({
      name,
      valueFrom: { secretKeyRef: { ...secretKeyRef, optional: true } },
    })),
    volumes: volumes.map(({ name, secret }) => ({ name, secret: { ...secret, optional: true } })),
  }
}

export interface StorageCheckArgs {
  namespace: pulumi.Input<string>
  /** An image with Node.js. */
  nodeImage: string
  pod: Omit<RegistryPodArgs, 'files' | 'claim'>
  pods: PodSettings
}

export function storageCheck(
  { namespace, nodeImage, pod, pods }: StorageCheckArgs,
  parent: pulumi.Resource,
): pulumi.Resource {
  const files = versionedFiles(
    STORAGE_CHECK,
    {
      namespace,
      files: {
        [CONFIG]: JSON.stringify(storageCheckConfig(pod.storage)),
        [SCRIPT]: readFileSync(join(import.meta.dirname, 'storage-check-main.ts'), 'utf8'),
        ...(pod.calls.caBundle !== undefined && { 'ca.pem': pod.calls.caBundle }),
      },
    },
    parent,
  )
  const storage = withoutItsSecret(pod.storage)
  const {
    spec,
    container,
    labels: more,
  } = registryPod({ ...pod, storage, files: files.metadata.name, claim: undefined })
  const { secret } = storage
  const serve = ['registry', 'serve', `${REGISTRY_PATHS.files}/${CONFIG}`]
  const showLog = pulumi.interpolate`kubectl -n ${namespace} logs job/${STORAGE_CHECK} -c registry`
  return new kubernetes.batch.v1.Job(
    STORAGE_CHECK,
    {
      metadata: {
        name: STORAGE_CHECK,
        namespace,
        labels: labels(STORAGE_CHECK),
        // What failed once is tried again by the next `pulumi up`, although nothing in the stack has changed.
        annotations: { 'pulumi.com/replaceUnready': 'true' },
      },
      spec: {
        backoffLimit: 0,
        activeDeadlineSeconds: DEADLINE_SECONDS,
        template: {
          metadata: { labels: { ...more, ...labels(STORAGE_CHECK) } },
          spec: {
            ...spec,
            restartPolicy: 'Never',
            // The check ends the registry. It is not a sidecar: the Pulumi provider would not print a sidecar's last
            // words.
            shareProcessNamespace: true,
            volumes: [
              ...spec.volumes,
              ...(secret === undefined
                ? []
                : [
                    {
                      name: 'secret',
                      secret: {
                        secretName: secret.name,
                        items: secret.keys.map((key) => ({ key, path: key })),
                        optional: true,
                      },
                    },
                  ]),
            ],
            containers: [
              {
                ...container,
                name: 'registry',
                command: serve,
                // What it says where it cannot open its storage is one line, without Go's goroutines.
                env: [...container.env, { name: 'GOTRACEBACK', value: 'none' }],
                terminationMessagePolicy: 'FallbackToLogsOnError',
              },
              {
                name: 'check',
                image: nodeImage,
                command: [
                  ...['node', `${SCRIPT_DIR}/${SCRIPT}`, `http://127.0.0.1:${PORT}`, storage.inWords, showLog],
                  JSON.stringify(secret === undefined ? null : { ...secret, directory: SECRET_DIR }),
                  ...serve,
                ],
                resources: resourcesOf(pods, 'storageCheck', RESOURCES),
                securityContext: CONTAINER_SECURITY,
                volumeMounts: [
                  { name: 'files', mountPath: SCRIPT_DIR, readOnly: true },
                  ...(secret === undefined ? [] : [{ name: 'secret', mountPath: SECRET_DIR, readOnly: true }]),
                ],
              },
            ],
          },
        },
      },
    },
    { parent, hooks: conflictAdvice(), customTimeouts: { create: `${DEADLINE_SECONDS + 60}s` } },
  )
}

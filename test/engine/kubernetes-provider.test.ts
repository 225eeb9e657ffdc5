/**
 * The provider of Kubernetes as the local world has it, under the real engine, against a real API server without nodes.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { projectDir } from '../../local/paths.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import { openProject, type PulumiProject } from './pulumi-project.ts'

const HEADER = `
import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
`

/** No Pods run here: a Deployment without replicas is ready. */
const PROGRAM = `${HEADER}
const namespace = new kubernetes.core.v1.Namespace('small', { metadata: { name: 'small' } })
const inNamespace = { namespace: namespace.metadata.name }
const config = new kubernetes.core.v1.ConfigMap('config', { metadata: inNamespace, data: { value: 'a' } })
const secret = new kubernetes.core.v1.Secret('secret', { metadata: inNamespace, stringData: { password: 'hunter2' } })
const labels = { app: 'web' }
new kubernetes.apps.v1.Deployment('web', {
  metadata: { ...inNamespace, name: 'web', labels: { changing: 'one' } },
  spec: {
    replicas: 0,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        containers: [{
          name: 'web',
          image: 'example.com/web:1',
          envFrom: [{ configMapRef: { name: config.metadata.name } }],
          resources: { requests: { cpu: '0.5', memory: '1024Mi' } },
        }],
      },
    },
  },
})
export const configName = config.metadata.name
export const password = secret.data.apply((data) => data?.password)
`

const CONFLICT_ADVICE = JSON.stringify(join(projectDir, 'infra', 'kubernetes', 'conflict-advice.ts'))

/** A Deployment whose number of Pods somebody else changes. */
const scaled = ({ label, options = '' }: { label: string; options?: string }) => `${HEADER}
import { conflictAdvice } from ${CONFLICT_ADVICE}
const labels = { app: 'scaled' }
new kubernetes.apps.v1.Deployment('scaled', {
  metadata: { namespace: 'default', name: 'scaled', labels: { changing: '${label}' }, annotations: { 'pulumi.com/skipAwait': 'true' } },
  spec: {
    replicas: 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'example.com/web:1' }] } },
  },
}, { hooks: conflictAdvice(), ${options} })
`

const environment: Record<string, string> = {}
let cluster: ApiServer
let project: PulumiProject

beforeAll(async () => {
  cluster = await startApiServer()
  environment.KUBECONFIG = cluster.kubeconfig
  project = await openProject(environment)
  await project.write(PROGRAM)
})

afterAll(async () => {
  await project?.close()
  await cluster?.close()
})

describe('the life of a stack', () => {
  test('up makes everything, names what has no name, and hides what is secret', async () => {
    const output = await project.expect('up', '--yes')
    // What is only shown while it works, such as "Replicas scaled to 0", is not among them.
    expect(output).not.toContain('Diagnostics:')
    const outputs = await project.outputs()
    expect(outputs.configName).toMatch(/^config-[0-9a-f]{8}$/)
    expect(outputs.password).toBe('[secret]')
    const state = await project.state()
    expect(state).not.toContain('hunter2')
    expect(state).not.toContain(Buffer.from('hunter2').toString('base64'))
  })

  test('nothing changes a second time, nor by a refresh', async () => {
    await project.expect('preview', '--expect-no-changes')
    await project.expect('refresh', '--yes', '--expect-no-changes')
    await project.expect('preview', '--expect-no-changes')
  })

  test('destroy leaves nothing behind', async () => {
    await project.expect('destroy', '--yes', '--skip-preview')
    expect(await cluster.request('GET', '/api/v1/namespaces/small')).toMatchObject({ code: 404 })
  })
})

describe('a field that somebody else changed', () => {
  const path = '/apis/apps/v1/namespaces/default/deployments/scaled'
  const live = async () => {
    const { metadata, spec } = (await cluster.request('GET', path)) as {
      metadata: { labels: { changing: string } }
      spec: { replicas: number }
    }
    return { label: metadata.labels.changing, replicas: spec.replicas }
  }

  beforeAll(async () => {
    await project.write(scaled({ label: 'one' }))
    await project.expect('up', '--yes', '--skip-preview')
    const scale = (await cluster.request('GET', `${path}/scale`)) as object
    await cluster.request('PUT', `${path}/scale?fieldManager=kubectl`, { ...scale, spec: { replicas: 4 } })
    expect(await live()).toEqual({ label: 'one', replicas: 4 })
  })

  test('the preview fails, and names field, owner and command', async () => {
    await project.write(scaled({ label: 'two' }))
    const { exitCode, output } = await project.run('preview')
    expect(exitCode).not.toBe(0)
    expect(output).toContain('Server-Side Apply field conflict detected')
    expect(output).toContain('Deployment "default/scaled" was changed from outside')
    expect(output).toContain('.spec.replicas by kubectl (scale)')
    expect(output).toContain('PULUMI_K8S_ENABLE_PATCH_FORCE=true pulumi up')
  })

  test('stays theirs where the program ignores it', async () => {
    await project.write(scaled({ label: 'two', options: "ignoreChanges: ['spec.replicas']" }))
    await project.expect('up', '--yes')
    expect(await live()).toEqual({ label: 'two', replicas: 4 })
  })

  test('is taken back with the command', async () => {
    await project.write(scaled({ label: 'three' }))
    environment.PULUMI_K8S_ENABLE_PATCH_FORCE = 'true'
    await project.expect('up', '--yes')
    delete environment.PULUMI_K8S_ENABLE_PATCH_FORCE
    expect(await live()).toEqual({ label: 'three', replicas: 1 })
    await project.expect('destroy', '--yes', '--skip-preview')
  })
})

describe('mistakes', () => {
  test('an object that the API refuses: in the words of the API, and the object by name', async () => {
    const service = "{ metadata: { name: 'bad' }, spec: { ports: [{ port: 700000 }] } }"
    await project.write(`${HEADER}\nnew kubernetes.core.v1.Service('bad', ${service})`)
    const { exitCode, output } = await project.run('preview')
    expect(exitCode).not.toBe(0)
    expect(output).toMatch(/Service::bad.* was not successfully created by the Kubernetes API server.*700000/)
  })

  test('a context that the kubeconfig lacks: by name', async () => {
    await project.expect('config', 'set', 'kubernetes:context', 'production')
    const { exitCode, output } = await project.run('up', '--yes', '--skip-preview')
    expect(exitCode).not.toBe(0)
    expect(output).toContain('context "production" does not exist')
  })
})

/** The stand-in for @pulumi/kubernetes under the real engine, against a real API server without nodes. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { projectDir } from '../../local/paths.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import { openProject, type PulumiProject } from './pulumi-project.ts'

const HEADER = `
import * as kubernetes from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
`

interface Settings {
  replicas?: number
  label?: string
  selector?: string
  config?: string
  extra?: string
}

/** Nobody runs Pods here: a Deployment without replicas is ready, one with replicas never. */
const program = ({
  replicas = 0,
  label = 'one',
  selector = 'web',
  config = 'a',
  extra = '',
}: Settings = {}) => `${HEADER}
const namespace = new kubernetes.core.v1.Namespace('small', { metadata: { name: 'small' } })
const inNamespace = { namespace: namespace.metadata.name }
const config = new kubernetes.core.v1.ConfigMap('config', { metadata: inNamespace, data: { value: '${config}' } })
const secret = new kubernetes.core.v1.Secret('secret', { metadata: inNamespace, stringData: { password: 'hunter2' } })
const labels = { app: '${selector}' }
const deployment = new kubernetes.apps.v1.Deployment('web', {
  metadata: { ...inNamespace, name: 'web', labels: { changing: '${label}' }, annotations: { 'pulumi.com/timeoutSeconds': '2' } },
  spec: {
    replicas: ${replicas},
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
const service = new kubernetes.core.v1.Service('web', {
  metadata: { ...inNamespace, name: 'web', annotations: { 'pulumi.com/skipAwait': 'true' } },
  spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
})
${extra}
export const configName = config.metadata.name
export const clusterIP = service.spec.clusterIP
export const deploymentUid = deployment.metadata.uid
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

const DEPLOYMENT = '/apis/apps/v1/namespaces/small/deployments/web'

beforeAll(async () => {
  cluster = await startApiServer()
  environment.KUBECONFIG = cluster.kubeconfig
  project = await openProject(environment)
  await project.write(program())
})

afterAll(async () => {
  await project?.close()
  await cluster?.close()
})

describe('the life of a stack', () => {
  test('up makes everything, names what has no name, and hides what is secret', async () => {
    const output = await project.expect('up', '--yes')
    expect(output).not.toContain('warning')
    const outputs = await project.outputs()
    expect(outputs.configName).toMatch(/^config-[0-9a-f]{8}$/)
    expect(outputs.clusterIP).toMatch(/^10\.96\./)
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

  test('a field that is taken out of the program is taken off the object', async () => {
    const before = await project.outputs()
    await project.write(program().replace("labels: { changing: 'one' }, ", ''))
    expect(await project.expect('up', '--yes')).toMatch(/~ 1 updated/)
    const live = (await cluster.request('GET', DEPLOYMENT)) as { metadata: { labels?: object; uid: string } }
    expect(live.metadata.labels).toBeUndefined()
    expect(live.metadata.uid).toBe(before.deploymentUid)
  })

  test('other data makes a new ConfigMap, and its users follow', async () => {
    const before = await project.outputs()
    await project.write(program({ config: 'b' }))
    expect(await project.expect('up', '--yes')).toMatch(/\+-1 replaced/)
    const { configName } = await project.outputs()
    expect(configName).not.toBe(before.configName)
    const live = (await cluster.request('GET', `/api/v1/namespaces/small/configmaps/${configName}`)) as { data: object }
    expect(live.data).toEqual({ value: 'b' })
    expect(await cluster.request('GET', `/api/v1/namespaces/small/configmaps/${before.configName}`)).toMatchObject({
      code: 404,
    })
  })

  test('other data of a ConfigMap that may change: in place', async () => {
    const { configName } = await project.outputs()
    await project.expect('config', 'set', 'kubernetes:enableConfigMapMutable', 'true')
    await project.write(program({ config: 'c' }))
    expect(await project.expect('up', '--yes')).toMatch(/~ 1 updated/)
    expect((await project.outputs()).configName).toBe(configName)
    await project.write(program({ config: 'b' }))
    await project.expect('up', '--yes', '--skip-preview')
    await project.expect('config', 'rm', 'kubernetes:enableConfigMapMutable')
  })

  test('another selector makes a new Deployment of the same name', async () => {
    const before = await project.outputs()
    await project.write(program({ config: 'b', selector: 'other' }))
    await project.expect('up', '--yes')
    expect((await project.outputs()).deploymentUid).not.toBe(before.deploymentUid)
  })

  test('what was deleted by hand comes back', async () => {
    await cluster.request('DELETE', DEPLOYMENT)
    expect(await project.expect('refresh', '--yes')).toMatch(/- 1 deleted/)
    await project.expect('up', '--yes', '--skip-preview')
    expect(await cluster.request('GET', DEPLOYMENT)).toMatchObject({ metadata: { name: 'web' } })
  })

  test('an object that is not ready in time: reasons, and the next up goes on from there', async () => {
    await project.write(program({ config: 'b', selector: 'other', replicas: 1 }))
    const { exitCode, output } = await project.run('up', '--yes', '--skip-preview')
    expect(exitCode).not.toBe(0)
    expect(output).toContain('Deployment "small/web" is not ready after 2 s: 0 of 1 replicas available')
    await project.write(program({ config: 'b', selector: 'other' }))
    await project.expect('up', '--yes', '--skip-preview')
    await project.expect('preview', '--expect-no-changes')
  })

  test('an existing object is imported', async () => {
    const made = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'found' }, data: { a: '1' } }
    await cluster.request('POST', '/api/v1/namespaces/small/configmaps', made)
    await project.expect(
      ...['import', 'kubernetes:core/v1:ConfigMap', 'found', 'small/found'],
      ...['--yes', '--protect=false', '--generate-code=false'],
    )
    const extra =
      "new kubernetes.core.v1.ConfigMap('found', { metadata: { namespace: 'small', name: 'found' }, data: { a: '1' } })"
    await project.write(program({ config: 'b', selector: 'other', extra }))
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
  test('reading an object that is not there', async () => {
    await project.write(`${HEADER}\nkubernetes.networking.v1.IngressClass.get('class', 'no-such-class')`)
    const { exitCode, output } = await project.run('preview')
    expect(exitCode).not.toBe(0)
    expect(output).toContain('no-such-class')
  })

  test('an object that the API refuses: in the words of the API, and the object by name', async () => {
    const service = "{ metadata: { name: 'bad' }, spec: { ports: [{ port: 700000 }] } }"
    await project.write(`${HEADER}\nnew kubernetes.core.v1.Service('bad', ${service})`)
    const { exitCode, output } = await project.run('preview')
    expect(exitCode).not.toBe(0)
    expect(output).toMatch(/Service "default\/bad": .*700000/)
  })

  test('a context that the kubeconfig lacks: which there are', async () => {
    await project.expect('config', 'set', 'kubernetes:context', 'production')
    const { exitCode, output } = await project.run('preview')
    expect(exitCode).not.toBe(0)
    expect(output).toContain('kubernetes:context is "production", but the kubeconfig has only: test')
  })
})

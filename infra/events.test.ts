/** Events as settings, as the registry's configuration, and as a container beside it. */
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { limits } from '../events/limits.ts'
import { FORWARD_SECONDS } from '../events/paths.ts'
import { parseSettings } from './config.ts'
import { eventCallsOf } from './kubernetes/events-setting.ts'
import { registryConfig } from './kubernetes/registry-config.ts'
import { storageDriver } from './kubernetes/storage-driver.ts'
import { objectName } from './program.fixture.ts'
import { example, useProgram } from './run-program.fixture.ts'

const SIEM = 'https://siem.example.com/events'
const TOKEN = 'token-of-the-siem-4711'

const settingsOf = (given: Record<string, string>) =>
  parseSettings({
    settings: { host: 'registry.example.com', ...given },
    authentikUrl: 'https://authentik.example.com',
    hasAuthentikToken: true,
  }).settings

describe('the setting events', () => {
  it.each([
    ['', undefined],
    ['off', undefined],
    ['false', undefined],
    ['stream', { url: undefined }],
    [SIEM, { url: SIEM }],
    [`${SIEM}/`, { url: `${SIEM}/` }],
  ])('%j means %j', (events, meant) => {
    expect(settingsOf({ events }).events).toEqual(meant)
  })

  it.each([
    [{ events: 'on' }, 'off, stream, or an http or https URL; this one is not an http or https URL'],
    [{ events: 'https://siem:secret@example.com' }, 'has a user name or password in it'],
    [{ events: 'stream', eventsToken: TOKEN }, 'the URL that takes the events, as eventsToken is set'],
    [{ eventsToken: TOKEN }, 'the URL that takes the events, as eventsToken is set'],
    [{ events: SIEM, eventsToken: `${TOKEN}\nx: y` }, 'a token of at most 4096 printable characters'],
  ])('%j is a mistake', (given, message) => {
    expect(() => settingsOf(given)).toThrow(message)
    expect(() => settingsOf(given)).not.toThrow(TOKEN)
  })
})

describe('the registry', () => {
  const configOf = (events?: 'stream' | 'url') =>
    parse(registryConfig({ realm: 'r', service: 's', issuer: 'i', storage: storageDriver({}), events }))

  it('has a queue for each place where events go, and puts no header into its log', () => {
    expect(configOf().notifications).toBeUndefined()
    const names = (events: 'stream' | 'url') =>
      configOf(events).notifications.endpoints.map(({ name }: { name: string }) => name)
    expect([names('stream'), names('url')]).toEqual([['stream'], ['stream', 'url']])
    for (const endpoint of configOf('url').notifications.endpoints) {
      expect(endpoint).toMatchObject({ url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:5002\/\w+$/), threshold: 1 })
      expect(endpoint).not.toHaveProperty('headers')
    }
  })

  it('waits longer for an answer than its neighbour waits for that of the URL', () => {
    expect(FORWARD_SECONDS * 1000).toBeGreaterThan(limits.forwardMs + 1000)
  })
})

describe('the program', () => {
  const { run, one, all } = useProgram()
  const registryPod = () => one('kubernetes:apps/v1:Deployment', 'registry').inputs.spec.template.spec
  const egress = () => one('kubernetes:networking.k8s.io/v1:NetworkPolicy', 'registry').inputs.spec.egress

  it('makes none by default', async () => {
    await run(example())
    expect(registryPod().initContainers).toBeUndefined()
    expect(registryPod().containers[0].lifecycle).toBeUndefined()
    expect(all('kubernetes:core/v1:ConfigMap').map(({ name }) => name)).not.toContain('registry-events')
  })

  it('makes them beside the registry, from before it begins until after it has ended', async () => {
    await run({ ...example(), 'passwordless-registry:events': 'stream' })
    const { initContainers, volumes } = registryPod()
    expect(initContainers).toMatchObject([
      {
        name: 'events',
        restartPolicy: 'Always',
        command: ['node', '--enable-source-maps', '/srv/events/events.mjs'],
        securityContext: { readOnlyRootFilesystem: true },
      },
    ])
    expect(initContainers[0]).not.toHaveProperty('ports')
    // For what is still in the registry's queue.
    expect(registryPod().containers[0].lifecycle).toEqual({ preStop: { sleep: { seconds: 5 } } })
    const { env } = initContainers[0] as { env: { name: string; value: string }[] }
    const variable = (name: string) => env.find((one) => one.name === name)?.value
    expect(variable('REGISTRY_URL')).toBe('https://registry.example.com')
    expect(JSON.parse(variable('SOURCES') ?? '')).toEqual([
      { slug: 'github', platform: 'github', web: 'https://github.com' },
      { slug: 'gitlab', platform: 'gitlab', web: 'https://gitlab.com' },
    ])
    expect(variable('EVENTS_URL')).toBeUndefined()
    const files = one('kubernetes:core/v1:ConfigMap', 'registry-events').inputs
    expect(volumes).toContainEqual({ name: 'registry-events', configMap: { name: files.metadata.name } })
    expect(Object.keys(files.data)).toContain('events.mjs')
    expect(egress()).toEqual([])
  })

  it('sends them to a URL with a token that is a secret from end to end', async () => {
    const settings = { 'passwordless-registry:events': SIEM, 'passwordless-registry:eventsToken': TOKEN }
    await run({ ...example(), ...settings })
    const secret = one('kubernetes:core/v1:Secret', 'registry-events')
    expect(secret.secrets).toEqual(['data'])
    expect(Buffer.from(secret.inputs.data.token, 'base64').toString()).toBe(TOKEN)
    const [container] = registryPod().initContainers
    expect(container.env).toContainEqual({ name: 'EVENTS_URL', value: SIEM })
    expect(container.env).toContainEqual({
      name: 'EVENTS_TOKEN',
      valueFrom: { secretKeyRef: { name: objectName(secret), key: 'token' } },
    })
    expect(JSON.stringify(registryPod())).not.toContain(TOKEN)
    // Another token is another Secret, so that the pods start anew with it.
    expect(objectName(secret)).toMatch(/^registry-events-/)
    expect(secret.inputs).toMatchObject({ immutable: true })
    expect(secret.inputs.metadata).not.toHaveProperty('name')
    expect(egress()).toContainEqual({ ports: [{ protocol: 'TCP', port: 443 }] })
  })

  it('reaches the URL by the way that the token service has', async () => {
    await run({
      ...example(),
      'passwordless-registry:events': SIEM,
      'passwordless-registry:proxy': 'http://proxy.example.com:3128',
    })
    expect(registryPod().initContainers[0].env).toContainEqual({
      name: 'HTTPS_PROXY',
      value: 'http://proxy.example.com:3128',
    })
    expect(eventCallsOf({ events: { url: SIEM }, proxy: 'http://proxy.example.com:3128' })).toHaveLength(2)
    expect(eventCallsOf({ events: { url: undefined }, proxy: 'http://proxy.example.com:3128' })).toEqual([])
  })
})

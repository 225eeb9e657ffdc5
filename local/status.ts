/** `npm run status`: what of the local world runs, and where. */
import { parseArgs } from 'node:util'
import { clusterStatus } from './kubernetes/index.ts'
import { missingPods } from './kubernetes/missing-pods.ts'
import { ports, stateDir } from './paths.ts'
import { runCommand } from './steps.ts'
import { authentikHealth } from './world/authentik-health.ts'
import { authentikVersion } from './world/authentik-version.ts'
import { keyStatus } from './world/key-status.ts'
import { openRunningStack } from './world/running.ts'
import { apiTokenFile, loadSettings } from './world/settings.ts'

const HELP = `Shows what of the local world runs.

  npm run status
  npm run -s status -- --json   the same for programs: URLs, kubeconfig, file of authentik's API token
  npm run -s status -- --env    exports for a shell, so that pulumi and kubectl work as typed:
                                eval "$(npm run -s status -- --env)"
`

const { values } = parseArgs({
  options: { help: { type: 'boolean' }, json: { type: 'boolean' }, env: { type: 'boolean' } },
})

async function status() {
  const settings = await loadSettings()
  const cluster = await clusterStatus(stateDir)
  const loopback = (port: number, path = '') => `http://127.0.0.1:${port}${path}`
  return {
    running: cluster.state === 'running',
    problems: cluster.problems,
    missingPods: cluster.state === 'running' ? await missingPods(cluster.kubeconfig) : [],
    // The ingress knows the registry by its name alone.
    registry: `http://${settings.host}/v2/`,
    /** As image names have it. */
    host: settings.host,
    tokenService: `http://${settings.host}/token`,
    authentik: settings.authentikUrl,
    authentikHealth: cluster.state === 'running' ? await authentikHealth(cluster.kubeconfig) : undefined,
    authentikVersion: cluster.state === 'running' ? await authentikVersion(settings) : undefined,
    keys: cluster.state === 'running' ? await keyStatus(settings, Date.now()) : undefined,
    authentikIsStandIn: settings.standInAuthentik,
    authentikTokenFile: apiTokenFile,
    issuers: {
      github: loopback(ports.issuers, '/github/.well-known/openid-configuration'),
      gitlab: loopback(ports.issuers, '/gitlab/.well-known/openid-configuration'),
    },
    kubernetes: `https://127.0.0.1:${ports.kubernetes}`,
    kubeconfig: cluster.kubeconfig,
    memoryMiB: cluster.memoryMiB,
    processes: cluster.processes,
  }
}

/** For a POSIX shell. */
const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`

await runCommand(async () => {
  if (values.help) return void process.stdout.write(HELP)
  if (values.env) {
    const { environment } = await openRunningStack()
    for (const [name, value] of Object.entries(environment)) console.log(`export ${name}=${quoted(value)}`)
    return
  }
  const now = await status()
  if (values.json) return console.log(JSON.stringify(now, null, 2))
  if (!now.running) {
    console.log(['The local world does not run.', ...now.problems, '`npm run up` starts it.'].join('\n'))
    return
  }
  console.log(`registry      ${now.host}
token service ${now.tokenService}
authentik     ${now.authentik}, ${now.authentikVersion}${now.authentikIsStandIn ? ` (a stand-in; API token in ${now.authentikTokenFile})` : ''}
              ${now.authentikHealth}
keys          registry tokens: ${now.keys?.registry}
              sessions: ${now.keys?.sessions}
CI issuers    ${now.issuers.github}, ${now.issuers.gitlab} (stand-ins)
kubeconfig    ${now.kubeconfig}
memory        ${now.memoryMiB} MiB
processes     ${now.processes.map(({ name, pid }) => `${name} ${pid}`).join(', ')}`)
  for (const { deployment, state, reasons } of now.missingPods) {
    console.log([`missing pods  ${deployment}: ${state}`, ...reasons].join('\n              '))
  }
})

/** The options of `npm run bench`. */
import { parseArgs } from 'node:util'
import type { Extent } from './cells.ts'
import { CLIENT_ID } from './service-process.ts'

/** The options of a run. */
export interface BenchOptions {
  extent: Extent
  /** Nothing but the rush of logins, or the transfer of layers. */
  only: 'rush' | 'bytes' | undefined
  /** Seconds of each load; undefined for the usual. */
  seconds: number | undefined
  /** Another server's token endpoint; undefined for the service of this project. */
  target: string | undefined
  /** Where the upstream listens for that other server; undefined: it has its own. */
  upstreamPort: number | undefined
  /** Measures the service of this project too, in turn with that other server. */
  alternate: boolean
  scope: string
  service: string
  json: boolean
}

const help = `Measures the token service under load, in front of a fake authentik, against a bare server.

  npm run bench
  npm run bench -- --quick
  npm run bench -- --full --json
  npm run bench -- --only rush --json
  npm run bench -- --only bytes
  npm run bench -- --target http://127.0.0.1:9001/token --upstream-port 9100
  npm run bench -- --target http://127.0.0.1:9001/token --upstream-port 9100 --alternate

  --quick             a few loads, under 40 s
  --full              longer ones (about 6 min), and memory over a million requests (minutes more)
  --only rush         nothing but a rush of logins before an upstream with one worker (about a minute); with --json it
                      ends with one line: {"rush":{...}}
  --only bytes        pushes and pulls 2 GB through ingress and authentication, and at the registry alone with the same
                      way in, in turn; brings the local world up if it does not run
  --seconds N         how long each load takes (default: 2, of --full 5)
  --target URL        measures another server instead: its token endpoint, http only
  --upstream-port N   with --target: puts the fake authentik on this port of 127.0.0.1, for the other server to ask at
                      http://127.0.0.1:N/application/o/token/ ; without it nothing is known of that server's upstream
  --alternate         with --target and --upstream-port: measures the service as a stack deploys it (rules, signatures,
                      sessions) and the other server in turn, and prints rates, CPU for a request, and their ratios
  --scope TEXT        what is asked for (default: repository:acme/app:pull,push)
  --service TEXT      the parameter "service", which is the client id (default: ${CLIENT_ID})
  --json              prints one JSON object instead, at the end
  --help              prints this

Exit status: 0 it ran, whatever it measured; 1 there were wrong answers; 2 it could not run.
`

const MAX_SECONDS = 600
const MAX_PORT = 65_535

/** Reads the arguments. */
export function readOptions(args: readonly string[]): BenchOptions | { help: string } | { mistake: string } {
  let values: ReturnType<typeof parse>
  try {
    values = parse(args)
  } catch (error) {
    return { mistake: `${error instanceof Error ? error.message : error}\n\n${help}` }
  }
  if (values.help) return { help }
  const { only } = values
  if (only !== undefined && only !== 'rush' && only !== 'bytes') return { mistake: '--only takes: rush, or bytes' }
  if (only !== undefined && values.target !== undefined) {
    return { mistake: '--only measures the service of this project; leave out --target' }
  }
  if (values.quick && values.full) return { mistake: '--quick and --full: which one?' }
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds)
  if (seconds !== undefined && !(seconds > 0 && seconds <= MAX_SECONDS)) {
    return { mistake: `--seconds takes a number up to ${MAX_SECONDS}, such as: --seconds 2` }
  }
  const upstreamPort = values['upstream-port'] === undefined ? undefined : Number(values['upstream-port'])
  if (upstreamPort !== undefined && !(Number.isInteger(upstreamPort) && upstreamPort > 0 && upstreamPort <= MAX_PORT)) {
    return { mistake: `--upstream-port takes a port, such as: --upstream-port 9100` }
  }
  if (upstreamPort !== undefined && values.target === undefined) {
    return { mistake: '--upstream-port is for --target; the token service of this project does not need it' }
  }
  if (values.alternate && upstreamPort === undefined) {
    return { mistake: '--alternate compares with another server: it takes --target and --upstream-port, too' }
  }
  if (!/^[a-z]+:[^: ]+:[a-z,*]+$/.test(values.scope)) {
    return { mistake: '--scope takes one scope, such as: --scope repository:acme/app:pull,push' }
  }
  const target = values.target === undefined ? undefined : URL.parse(values.target)
  if (target === null || (target && target.protocol !== 'http:')) {
    return { mistake: '--target takes the URL of a token endpoint, such as: --target http://127.0.0.1:9001/token' }
  }
  return {
    only,
    extent: values.quick ? 'quick' : values.full ? 'full' : 'usual',
    seconds,
    target: target?.href,
    upstreamPort,
    alternate: values.alternate,
    scope: values.scope,
    service: values.service,
    json: values.json,
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      target: { type: 'string' },
      'upstream-port': { type: 'string' },
      alternate: { type: 'boolean', default: false },
      scope: { type: 'string', default: 'repository:acme/app:pull,push' },
      service: { type: 'string', default: CLIENT_ID },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values
}

/**
 * From a name to the registry's challenge: DNS, certificate, redirect, clock, and where clients are sent for tokens.
 */
import { lookup } from 'node:dns/promises'
import { connect } from 'node:tls'
import { isOnThisMachine, publicUrl } from '../infra/public-url.ts'
import { ask, reasonOf } from '../prober/web.ts'
import { type Finding, ok, skipped, wrong } from './finding.ts'

/** Automatic renewal happens 30 days before a certificate expires. */
const LEAST_DAYS = 14
/** What the trust rules allow between two clocks (trust/limits.ts). */
const MAX_CLOCK_DIFFERENCE_SECONDS = 30
const TLS_TIMEOUT_MS = 10_000
const DAY_MS = 86_400_000

/** Where the registry sends its clients for a token. */
export interface Challenge {
  readonly realm: string
  readonly service: string
}

export async function checkWayIn(host: string): Promise<{ findings: Finding[]; challenge: Challenge | undefined }> {
  const findings = [await checkName(host), await checkCertificate(host), await checkRedirect(host)]
  try {
    const answer = await ask(`${publicUrl(host)}/v2/`)
    const { finding, challenge } = readChallenge(host, answer.status, answer.headers.get('www-authenticate') ?? '')
    return { findings: [...findings, finding, checkClock(answer.headers.get('date'), Date.now())], challenge }
  } catch (error) {
    const why = 'nothing can be pushed or pulled'
    const fix = 'check that the registry and the ingress controller run: kubectl get pods -A'
    return {
      findings: [...findings, wrong('registry', `no answer (${reasonOf(error)})`, why, fix)],
      challenge: undefined,
    }
  }
}

async function checkName(host: string): Promise<Finding> {
  const name = host.replace(/:\d+$/, '')
  try {
    const addresses = await lookup(name, { all: true })
    return ok('dns', `${name} is ${addresses.map(({ address }) => address).join(', ')}`)
  } catch (error) {
    const fix = `point the DNS name ${name} at the ingress controller`
    return wrong('dns', `${name} has no address (${reasonOf(error)})`, 'clients cannot find the registry', fix)
  }
}

async function checkCertificate(host: string): Promise<Finding> {
  if (isOnThisMachine(host)) return skipped('tls', 'this machine is reached without TLS', 'nothing')
  const [name = '', port = '443'] = host.split(':')
  const { promise, resolve } = Promise.withResolvers<Finding>()
  const socket = connect({ host: name, port: Number(port), servername: name, rejectUnauthorized: false }, () => {
    const { authorizationError: problem } = socket
    resolve(
      readCertificate(
        problem ? String(problem) : undefined,
        Date.parse(socket.getPeerCertificate().valid_to),
        Date.now(),
      ),
    )
  })
  const fails = (reason: string) =>
    resolve(
      wrong(
        'tls',
        `no TLS (${reason})`,
        'clients refuse to talk to the registry',
        'see ingressTlsSecret in Pulumi.yaml',
      ),
    )
  socket.setTimeout(TLS_TIMEOUT_MS, () => fails(`no answer within ${TLS_TIMEOUT_MS / 1000} s`))
  socket.on('error', (error) => fails(reasonOf(error)))
  return promise.finally(() => socket.destroy())
}

/** @param problem why the chain is not trusted; undefined if it is */
export function readCertificate(problem: string | undefined, endsMs: number, nowMs: number): Finding {
  const days = Math.floor((endsMs - nowMs) / DAY_MS)
  if (problem !== undefined) {
    const fix =
      'renew it, or send the whole chain; for an authority of your own, NODE_EXTRA_CA_CERTS names its file here'
    return wrong('tls', `the certificate is not trusted: ${problem}`, 'clients refuse to talk to the registry', fix)
  }
  // Also where the certificate does not say when it expires.
  if (!(days >= LEAST_DAYS)) {
    const fix = 'check what renews it: kubectl get certificates -A'
    return wrong('tls', `the certificate expires in ${days} days`, 'nothing works from then on', fix)
  }
  return ok('tls', `trusted, expires in ${days} days`)
}

/**
 * Clients that are given the name without a scheme try https; whoever types http must not send a credential
 * unencrypted.
 */
async function checkRedirect(host: string): Promise<Finding> {
  if (isOnThisMachine(host) || host.includes(':'))
    return skipped('redirect', 'only port 443 has a counterpart', 'nothing')
  try {
    const { status, headers } = await ask(`http://${host}/v2/`)
    const to = headers.get('location') ?? ''
    if (status >= 300 && status < 400 && to.startsWith(`https://${host}/`)) return ok('redirect', 'http leads to https')
    const why = 'a credential could be sent unencrypted'
    return wrong('redirect', `http answers with status ${status}`, why, 'let the ingress controller redirect to https')
  } catch {
    return ok('redirect', 'http is closed')
  }
}

export function readChallenge(host: string, status: number, header: string) {
  const [, realm] = /\brealm="([^"]*)"/.exec(header) ?? []
  const [, service] = /\bservice="([^"]*)"/.exec(header) ?? []
  const why = 'clients ask there for tokens'
  if (status !== 401 || realm === undefined || service === undefined) {
    const found = `/v2/ answers with status ${status}${header === '' ? ' and no challenge' : ''}; expected 401 with a realm`
    const fix = 'check what the host leads to; the ingress sends /v2/ to the Service registry'
    return {
      finding: wrong('registry', found, 'this is not a registry that asks for tokens', fix),
      challenge: undefined,
    }
  }
  const challenge = { realm, service }
  const wanted = `${publicUrl(host)}/token`
  if (realm === wanted) return { finding: ok('registry', `sends clients to ${realm}`), challenge }
  const found = `sends clients to ${realm}, expected ${wanted}`
  return {
    finding: wrong('registry', found, why, 'set host in the stack to the public name, then: pulumi up'),
    challenge,
  }
}

/** @param date as the header `Date` has it */
export function checkClock(date: string | null, nowMs: number, check = 'clock'): Finding {
  const seconds = Math.round((Date.parse(date ?? '') - nowMs) / 1000)
  if (Number.isNaN(seconds)) return skipped(check, 'the answer has no date', 'nothing')
  const found = `${Math.abs(seconds)} s from this machine's clock`
  if (Math.abs(seconds) <= MAX_CLOCK_DIFFERENCE_SECONDS) return ok(check, found)
  return wrong(
    check,
    found,
    'tokens count as expired, or as not yet valid',
    'synchronise the clocks of the nodes, or of this machine, by NTP',
  )
}

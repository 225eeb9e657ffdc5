/** Kinds of settings that need more than a pattern. Their messages follow the word "expected". */
import { X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { hostProblem, httpUrlProblem } from '../trust/language/http-url.ts'

/** RFC 793 §3.1: 16 bits. */
const MAX_PORT = 65_535

/** A string with at most one message about it. */
const checkedText = (problemOf: (text: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const problem = problemOf(text)
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
  })

/** The registry's public name: a host, with a port if it is not 443. */
export const registryHost = checkedText((text) => {
  // A host of digits only would be an IP address, which an Ingress does not accept.
  if (!/^(?![\d.]+(:|$))[a-z0-9][-a-z0-9.]*(:[1-9]\d*)?$/.test(text)) {
    return 'a host name in lower case, with an optional port and without https://'
  }
  const [host = '', port = '1'] = text.split(':')
  if (Number(port) > MAX_PORT) return `a port of at most ${MAX_PORT}`
  const problem = hostProblem(host)
  return problem && `a host name; this one ${problem}`
})

/** An http or https URL without anything secret; without a slash at its end. */
export const httpUrl = checkedText((text) => {
  const problem = httpUrlProblem(text)
  return problem && `an http or https URL; this one ${problem}`
}).transform((url) => url.replace(/\/+$/, ''))

/** Three times the size of a bundle of all public certificate authorities. */
const MAX_CA_BUNDLE_BYTES = 512 * 1024

/** Certificates in PEM, one after the other; text between them is allowed, as in most bundles. */
export const caBundle = checkedText((text) => {
  if (Buffer.byteLength(text) > MAX_CA_BUNDLE_BYTES) return `certificates of at most ${MAX_CA_BUNDLE_BYTES} bytes`
  if (text.includes('PRIVATE KEY')) return 'only certificates; this text contains a private key'
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (certificates.length === 0) return 'certificates in PEM, each from BEGIN CERTIFICATE to END CERTIFICATE'
  const broken = certificates.findIndex((pem) => !isCertificate(pem))
  return broken === -1 ? undefined : `certificates in PEM; number ${broken + 1} cannot be read`
})

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem)
    return true
  } catch {
    return false
  }
}

/** The value of NO_PROXY: hosts, domains with a leading dot, addresses, with optional ports; no spaces. */
export const noProxy = checkedText((text) =>
  /^[^\s,]+(,[^\s,]+)*$/.test(text)
    ? undefined
    : 'host names, domains and addresses, with commas and no spaces between them',
)

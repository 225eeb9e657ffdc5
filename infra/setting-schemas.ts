/** Kinds of settings that are more than a pattern. The messages stand after "expected". */
import { z } from 'zod'
import { hostProblem, httpUrlProblem } from '../trust/http-url.ts'

/** RFC 793 §3.1: 16 bits. */
const MAX_PORT = 65_535

/** A string of which at most one thing is told to be wrong. */
const checkedText = (problemOf: (text: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const problem = problemOf(text)
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
  })

/** The registry's public name: a host, with a port where it is not that of https. */
export const registryHost = checkedText((text) => {
  // A host of digits only would be an IP address, which an Ingress does not take.
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

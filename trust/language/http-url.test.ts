import { describe, expect, test } from 'vitest'
import { hostProblem, httpUrlProblem, withoutSecrets } from './http-url.ts'

describe('a URL', () => {
  test.each([
    'https://github.example.com',
    'http://authentik.outside-world.svc.cluster.local:9000',
    'https://authentik.example.com/base/',
    'http://10.0.0.1:8080/jwks',
    'http://[::1]:9000',
    'http://my_container:9000',
    'http://authentik.default.svc.cluster.local.:9000',
    'HTTPS://GitHub.example.com',
    'https://bücher.example',
  ])('%s is one', (url) => expect(httpUrlProblem(url)).toBeUndefined())

  test.each([
    ['github.example.com', /not an http or https URL/],
    ['file:///etc/passwd', /not an http or https URL/],
    ['https:github.example.com', /not an http or https URL/],
    ['https:///github.example.com', /not an http or https URL/],
    [' https://github.example.com', /not an http or https URL/],
    ['https://a b.example', /not an http or https URL/],
    ['https://', /not an http or https URL/],
    ['https://example.com:65536', /not an http or https URL/],
    ['https://example.com:', /port/],
    ['https://example.com:0/x', /port/],
    ['https://user@example.com', /user name or password/],
    ['https://user:hunter2@example.com', /user name or password/],
    ['https://@example.com', /user name or password/],
    ['https://example.com/?a=hunter2', /query/],
    ['https://example.com?', /query/],
    ['https://example.com/#hunter2', /fragment/],
    ['https://example.com#', /fragment/],
    ['https://a..example.com', /part ""/],
    ['https://-a.example.com', /part "-a"/],
    ['https://a-.example.com', /part "a-"/],
    [`https://${'a'.repeat(64)}.example.com`, /1 to 63/],
    [`https://${'a.'.repeat(127)}example.com`, /253/],
  ])('%s is none', (url, problem) => {
    expect(httpUrlProblem(url)).toMatch(problem)
    expect(httpUrlProblem(url)).not.toContain('hunter2')
  })
})

test.each([
  ['registry.example.com', true],
  ['localhost', true],
  ['10.0.0.1', true],
  ['registry..example.com', false],
  ['registry-.example.com', false],
  ['example.com.', false],
])('%s can be a host: %s', (host, good) => expect(hostProblem(host) === undefined).toBe(good))

test.each([
  ['https://user:hunter2@example.com/a?token=hunter2', 'https://…@example.com/a?…'],
  ['https://example.com/#hunter2', 'https://example.com/#…'],
  ['https://example.com/a', 'https://example.com/a'],
  ['https:user:hunter2@example.com', 'https:…@example.com'],
  ['not a URL', 'not a URL'],
])('%s is shown as %s', (url, shown) => expect(withoutSecrets(url)).toBe(shown))

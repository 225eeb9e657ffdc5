import { expect, it } from 'vitest'
import { readReport } from './report.ts'

const report = `<testsuites time="6.1" tests="4" failures="1" skipped="1" disabled="0">
  <testsuite name="OCI Conformance Test" tests="4" failures="1" errors="0" disabled="0" skipped="1" time="6.1">
    <properties><property name="Config" value="password: &#34;***&#34;"></property></properties>
    <testcase name="OCI Conformance Test/ping" classname="" time="0.006771" status="passed">
      <system-err>URL: http://localhost/v2/</system-err>
    </testcase>
    <testcase name="OCI Conformance Test/empty/referrers" classname="" time="0.1" status="failure">
      <system-out>header value mismatch for &#34;Content-Type&#34;, received [&lt;none&gt;]&#xA;expected one of [200], received 404</system-out>
      <system-err>status=&#34;passed&#34;</system-err>
    </testcase>
    <testcase name="OCI Conformance Test/image/push/blob-post-only" classname="" time="0.1" status="skipped">
      <system-out>registry does not support content in the POST</system-out>
    </testcase>
    <testcase name="OCI Conformance Test/image/push/blob-put" classname="" time="0.1" status="error"></testcase>
  </testsuite>
</testsuites>`

it('reads every test with its status and its errors', () => {
  const { tests, ownCount } = readReport(report)
  expect(tests).toEqual([
    { name: 'ping', status: 'passed', errors: [] },
    {
      name: 'empty/referrers',
      status: 'failed',
      errors: ['header value mismatch for "Content-Type", received [<none>]', 'expected one of [200], received 404'],
    },
    {
      name: 'image/push/blob-post-only',
      status: 'skipped',
      errors: ['registry does not support content in the POST'],
    },
    { name: 'image/push/blob-put', status: 'failed', errors: [] },
  ])
  expect(ownCount).toEqual({ tests: 4, passed: 2 })
})

it.each(['', '<testsuites></testsuites>'])('takes no report without a test: "%s"', (text) => {
  expect(() => readReport(text)).toThrow('no test in it')
})

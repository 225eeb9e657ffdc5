/** Reads the report that the conformance suite writes, in the JUnit form. */

export interface TestResult {
  /** `sha256 blobs/mount/blob-mount`. Several tests may have the same. */
  name: string
  status: 'passed' | 'failed' | 'skipped'
  /** What the suite expected and what came, one line each. */
  errors: readonly string[]
}

export interface Report {
  /** In the order in which they ran. */
  tests: readonly TestResult[]
  /** As the suite counts them: it also counts each group of tests. */
  ownCount: { tests: number; passed: number }
}

const STATUS: Record<string, TestResult['status']> = { passed: 'passed', skipped: 'skipped' }
const ROOT = 'OCI Conformance Test/'

/** @throws Error when the text is not such a report, or one without a test */
export function readReport(xml: string): Report {
  const tests = [...xml.matchAll(/<testcase\b([^>]*)>(.*?)<\/testcase>/gs)].map(([, attributes = '', body = '']) => {
    const output = /<system-out>(.*?)<\/system-out>/s.exec(body)?.[1] ?? ''
    return {
      name: attribute(attributes, 'name').replace(ROOT, ''),
      // What is neither has failed, an error of the suite itself included.
      status: STATUS[attribute(attributes, 'status')] ?? 'failed',
      errors: plainText(output)
        .split('\n')
        .filter((line) => line !== ''),
    }
  })
  if (tests.length === 0) throw new Error('the report of the conformance suite has no test in it')
  const count = (name: string) => Number(attribute(/<testsuite\b[^>]*>/.exec(xml)?.[0] ?? '', name))
  const notPassed = ['failures', 'errors', 'skipped', 'disabled'].reduce((sum, name) => sum + count(name), 0)
  return { tests, ownCount: { tests: count('tests'), passed: count('tests') - notPassed } }
}

function attribute(element: string, name: string): string {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(element)?.[1]
  if (value === undefined) throw new Error(`an element of the conformance suite's report has no "${name}": ${element}`)
  return plainText(value)
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function plainText(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (entity, hex?: string, decimal?: string, name?: string) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    return ENTITIES[name ?? ''] ?? entity
  })
}

/**
 * `npm run monitoring`: dashboard and rules as files, for a Prometheus and a Grafana without an operator and a sidecar.
 */
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { alertRules } from './alerts.ts'
import { dashboard } from './dashboard.ts'

const USAGE = 'Usage: npm run -s monitoring -- rules|dashboard [--namespace passwordless-registry]\n'

/** @returns what to print, and the exit status: 2 if the arguments are wrong */
export function runMonitoring(argv: readonly string[]): { exitCode: 0 | 2; text: string } {
  try {
    const { positionals, values } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { namespace: { type: 'string', default: 'passwordless-registry' } },
    })
    const { namespace } = values
    if (!/^[a-z0-9][-a-z0-9]{0,62}$/.test(namespace)) {
      return {
        exitCode: 2,
        text: `--namespace: expected the name of a namespace, got ${JSON.stringify(namespace)}\n${USAGE}`,
      }
    }
    const [what, ...more] = positionals
    if (more.length === 0 && what === 'dashboard') return { exitCode: 0, text: `${dashboard(namespace)}\n` }
    if (more.length === 0 && what === 'rules') {
      return { exitCode: 0, text: stringify(alertRules({ namespace, documents: undefined })) }
    }
    return { exitCode: 2, text: `expected rules or dashboard, got ${positionals.join(' ') || 'nothing'}\n${USAGE}` }
  } catch (error) {
    return { exitCode: 2, text: `${(error as Error).message}\n${USAGE}` }
  }
}

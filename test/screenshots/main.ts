/**
 * `npm run screenshots`: the page at `/` into docs/pictures/; `npm run screenshots -- dashboard`: the dashboard, in
 * three minutes. A command of its own, since Debian's Chromium takes more than half a minute to install.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { ensurePackages, monitoringNeeds } from '../../local/toolchain/debian.ts'
import { picturePage } from './page.ts'

const [what = 'page'] = process.argv.slice(2)
if (what === 'page') await picturePage(join(import.meta.dirname, '../../docs/pictures'))
else if (what === 'dashboard') await pictureDashboard()
else throw new Error(`expected page or dashboard, got ${what}`)

/** The parts are started as tests start them. */
async function pictureDashboard(): Promise<void> {
  await ensurePackages({ install: true, needs: monitoringNeeds })
  const [code] = await once(spawn('vitest', ['run', '--project', 'pictures'], { stdio: 'inherit' }), 'exit')
  process.exitCode = code
}

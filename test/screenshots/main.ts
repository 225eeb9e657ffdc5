/**
 * `npm run screenshots`: the page at `/` as Chromium shows it, light and dark, narrow and wide, into docs/pictures/. A
 * command of its own, since Debian's Chromium takes more than half a minute to install. Fails where the browser reports a
 * violation of the page's policy.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensurePackages } from '../../local/toolchain/debian.ts'
import { pageAnswer } from '../../service/http/status-page.ts'

const pictures = join(import.meta.dirname, '../../docs/pictures')
/** Blink's own numbers. */
const schemes = { dark: 0, light: 1 }
const sizes = { narrow: '500,1350', wide: '1100,1250' }
const CHROMIUM_LIMIT_MS = 60_000

await ensurePackages({
  install: true,
  needs: [{ command: 'chromium', packages: ['chromium'] }],
})
// The name that the picture shows; the browser is led to this machine.
const { headers, body } = pageAnswer({
  host: 'registry.example.com',
  authentikAnswers: true,
  keysMatch: true,
  hasRules: true,
})
const server = createServer((_, response) => response.writeHead(200, headers).end(body)).listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
const profile = await mkdtemp(join(tmpdir(), 'screenshots-'))
try {
  for (const [scheme, number] of Object.entries(schemes)) {
    for (const [size, window] of Object.entries(sizes)) {
      const path = join(pictures, `page-${scheme}-${size}.png`)
      const { stderr } = await promisify(execFile)(
        'chromium',
        [
          ...['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--enable-logging=stderr'],
          ...[
            `--user-data-dir=${profile}`,
            `--window-size=${window}`,
            `--blink-settings=preferredColorScheme=${number}`,
          ],
          ...[`--screenshot=${path}`, url],
        ],
        { timeout: CHROMIUM_LIMIT_MS },
      )
      if (/Content Security Policy/.test(stderr)) throw new Error(`the page breaks its own policy:\n${stderr}`)
      process.stderr.write(`${path}\n`)
    }
  }
} finally {
  server.close()
  await rm(profile, { recursive: true, force: true })
}

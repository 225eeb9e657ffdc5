/** Pictures by Debian's Chromium. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensurePackages } from '../../local/toolchain/debian.ts'

const CHROMIUM_LIMIT_MS = 60_000
/** Blink's own numbers. */
export const schemes = { dark: 0, light: 1 }

export interface Picture {
  url: string
  /** Where it goes. */
  path: string
  /** Width and height in pixels, with a comma. */
  window: string
  scheme: keyof typeof schemes
}

/** Makes them. @throws where the browser reports a violation of the page's policy */
export async function takePictures(pictures: readonly Picture[]): Promise<void> {
  await ensurePackages({ install: true, needs: [{ command: 'chromium', packages: ['chromium'] }] })
  const profile = await mkdtemp(join(tmpdir(), 'screenshots-'))
  try {
    for (const { url, path, window, scheme } of pictures) {
      const { stderr } = await promisify(execFile)(
        'chromium',
        [
          ...['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--enable-logging=stderr'],
          `--user-data-dir=${profile}`,
          `--window-size=${window}`,
          `--blink-settings=preferredColorScheme=${schemes[scheme]}`,
          ...[`--screenshot=${path}`, url],
        ],
        { timeout: CHROMIUM_LIMIT_MS },
      )
      if (/Content Security Policy/.test(stderr)) throw new Error(`the page breaks its own policy:\n${stderr}`)
      process.stderr.write(`${path}\n`)
    }
  } finally {
    await rm(profile, { recursive: true, force: true })
  }
}

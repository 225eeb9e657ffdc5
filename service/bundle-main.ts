/**
 * The entry point of `npm run bundle -- --out DIR`: writes what `Dockerfile` copies, for `docker build` of that folder.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bundleService } from './bundle.ts'

const HELP = `Writes the token service as one file, with its source map and the licences of its libraries.

  npm run bundle -- --out DIR

service/Dockerfile makes an image of that folder.
`

const { help, out } = parseArgs({ options: { help: { type: 'boolean' }, out: { type: 'string' } } }).values
if (help) {
  process.stdout.write(HELP)
  process.exit(0)
}
if (!out) {
  console.error('Name the folder that the token service is written to: npm run bundle -- --out DIR')
  process.exit(2)
}
await mkdir(out, { recursive: true })
for (const [name, text] of Object.entries(await bundleService())) await writeFile(join(out, name), text)

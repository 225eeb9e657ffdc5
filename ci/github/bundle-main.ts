/** `npm run bundle-action`: writes the action's file, to be committed with the change of its source. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { bundleAction } from './bundle.ts'

for (const [name, text] of Object.entries(await bundleAction())) {
  const path = join(import.meta.dirname, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  process.stderr.write(`${path} is written.\n`)
}

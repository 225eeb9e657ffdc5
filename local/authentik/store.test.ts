import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Group } from './rows.ts'
import { Store } from './store.ts'

let directory: string
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'stand-in-authentik-')), 'data')
})
afterEach(() => rm(join(directory, '..'), { recursive: true }))

const group = (name: string) => ({ pk: name, name, parents: [], roles: [], attributes: {} }) as unknown as Group
const names = async () => (await Store.open(directory)).all('groups').map(({ name }) => name)

test('a save holds everything that was changed before it, whatever write was under way', async () => {
  const store = await Store.open(directory)
  const saves: Promise<void>[] = []
  for (const name of ['a', 'b', 'c']) {
    store.insert('groups', group(name))
    saves.push(store.save())
  }
  await saves[0]
  expect(await names()).toContain('a')
  await Promise.all(saves)
  expect(await names()).toEqual(['a', 'b', 'c'])
})

test('the file is its owner’s alone, and nothing is left beside it', async () => {
  await (await Store.open(directory)).save()
  expect(await readdir(directory)).toEqual(['authentik.json'])
  expect((await stat(join(directory, 'authentik.json'))).mode & 0o777).toBe(0o600)
  expect((await stat(directory)).mode & 0o777).toBe(0o700)
})

test('a write that was cut off does not touch the data', async () => {
  const store = await Store.open(directory)
  store.insert('groups', group('kept'))
  await store.save()
  await writeFile(join(directory, 'authentik.json.new'), '{"layout":1,"rows":{"gro')
  expect(await names()).toEqual(['kept'])
})

test.each(['{', '{"layout":99,"numbers":{},"rows":{}}'])(
  'data that it cannot read is refused by name: %s',
  async (text) => {
    await (await Store.open(directory)).save()
    await writeFile(join(directory, 'authentik.json'), text)
    await expect(Store.open(directory)).rejects.toThrow(/authentik\.json .*Move it away/)
    expect(await readFile(join(directory, 'authentik.json'), 'utf8')).toBe(text)
  },
)

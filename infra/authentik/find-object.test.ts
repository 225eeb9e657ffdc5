import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findObject } from './find-object.ts'

let asked: (string | undefined)[]
const lists: Record<string, { pk: string }[]> = { one: [{ pk: 'p' }], two: [{ pk: 'p' }, { pk: 'q' }], none: [] }
const server = createServer(({ url = '', headers }, response) => {
  asked = [url, headers.authorization]
  response.end(JSON.stringify({ results: lists[url.split('/')[3] ?? ''] }))
})
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
afterAll(() => new Promise((resolve) => server.close(resolve)))

const find = (path: string) => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return findObject({ url, token: 'of-an-administrator' }, path, { name: 'a&b', order: '0' })
}

it('asks for exactly what the filters say, as the administrator', async () => {
  expect(await find('one')).toBe('p')
  expect(asked).toEqual(['/api/v3/one/?name=a%26b&order=0', 'Bearer of-an-administrator'])
})

it.each(['none', 'two', 'elsewhere'])('guesses nothing where the list is %s', async (path) => {
  await expect(find(path)).rejects.toThrow(`${path} holds`)
})

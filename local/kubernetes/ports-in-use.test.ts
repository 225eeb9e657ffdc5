import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { assertPortsFree, parseListeners } from './ports-in-use.ts'

const output = `LISTEN 0      511    127.0.0.1:15000 0.0.0.0:* users:(("node: main",pid=4711,fd=22),("sh",pid=4712,fd=22))
LISTEN 0      4096       [::1]:15001    [::]:*
`

async function listening(): Promise<{ port: number; close: () => void }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

describe('parseListeners', () => {
  it('reads the ports, and the processes that can be seen', () => {
    expect([...parseListeners(output)]).toEqual([
      [15000, { pid: 4711, name: 'node: main' }],
      [15001, undefined],
    ])
  })
})

describe('assertPortsFree', () => {
  it('names each port, what it is for and who uses it', async () => {
    const { port, close } = await listening()
    await expect(assertPortsFree({ registry: port }, [])).rejects.toThrow(
      new RegExp(`127.0.0.1:${port} \\(registry\\) is used by process ${process.pid} `),
    )
    close()
  })

  it('accepts ports that are free or used by our own processes', async () => {
    const { port, close } = await listening()
    await expect(assertPortsFree({ registry: port }, [process.pid])).resolves.toBeUndefined()
    close()
  })
})

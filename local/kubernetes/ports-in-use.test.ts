import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { assertPortsFree, parseListeners } from './ports-in-use.ts'

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:3A98 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0
   1: 0100007F:8124 0100007F:3A98 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4
`

async function listening(): Promise<{ port: number; close: () => void }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

describe('parseListeners', () => {
  it('reads listening sockets only', () => {
    expect([...parseListeners(table)]).toEqual([[15000, '4711']])
  })
})

describe('assertPortsFree', () => {
  it('names each port, what it is for and who holds it', async () => {
    const { port, close } = await listening()
    await expect(assertPortsFree({ registry: port }, [])).rejects.toThrow(
      new RegExp(`127.0.0.1:${port} \\(registry\\) is held by process ${process.pid} `),
    )
    close()
  })

  it('takes ports that are free or held by our own processes', async () => {
    const { port, close } = await listening()
    await expect(assertPortsFree({ registry: port }, [process.pid])).resolves.toBeUndefined()
    close()
  })
})

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { cpuSeconds, listenerOf } from './process-cpu.ts'

it('finds who listens on a port, and what that process has used', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  expect(await listenerOf(port)).toBe(process.pid)
  server.close()
  await once(server, 'close')
  expect(await listenerOf(port)).toBeUndefined()

  const { user, system } = process.cpuUsage()
  expect(await cpuSeconds(process.pid)).toBeCloseTo((user + system) / 1e6, 0)
  expect(await cpuSeconds(0)).toBeUndefined()
})

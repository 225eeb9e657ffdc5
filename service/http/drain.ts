/** How the process ends: it accepts nothing new and finishes what it has begun. */
import type { Server } from 'node:http'

/**
 * Stops a server: it accepts no new connections, closes idle ones, and answers requests under way.
 * @param graceMs milliseconds after which what is left is cut off
 * @returns whether everything was answered in time
 */
export async function drain(server: Server, graceMs: number): Promise<boolean> {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  let inTime = true
  const timer = setTimeout(() => {
    inTime = false
    server.closeAllConnections()
  }, graceMs)
  await closed
  clearTimeout(timer)
  return inTime
}

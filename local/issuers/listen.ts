/** The HTTP server of a stand-in. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'

export interface ListenOptions {
  /** 0, the default, is any free port. */
  port?: number
  /** Default 127.0.0.1. */
  host?: string
}

export interface Listening {
  url: string
  port: number
  /** Gives up the connections that are open. */
  close(): Promise<void>
}

/** @throws Error where the port is taken */
export async function listen(
  app: { fetch: Parameters<typeof serve>[0]['fetch'] },
  { port = 0, host = '127.0.0.1' }: ListenOptions,
): Promise<Listening> {
  const server = serve({ fetch: app.fetch, port, hostname: host }) as Server
  await once(server, 'listening')
  const bound = (server.address() as AddressInfo).port
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Ends the process in order when it is told to; where that fails, with status 1. */
export function closeOnSignal({ close }: Listening): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => close().then(() => process.exit()))
}

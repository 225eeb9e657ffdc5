/** The upper limit: a server that always gives the same answer and checks nothing. */
import { createServer } from 'node:http'
import { limits } from '../../service/limits.ts'
import { type Child, childOptions, serve, startChild } from './child.ts'

/** The answer, as the server under test gives it. */
export interface BareAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

/** Starts one in a process of its own. */
export function startBareServer(answer: BareAnswer): Promise<Child<{ port: number }>> {
  return startChild('bare-server.ts', answer)
}

if (import.meta.main) {
  const { status, headers, body } = childOptions<BareAnswer>()
  const server = createServer({ keepAliveTimeout: limits.clientKeepAliveMs }, (_, response) => {
    response.writeHead(status, headers).end(body)
  })
  await serve(server)
}

/**
 * How a Pulumi plugin and the engine meet: the plugin listens on a free loopback port and prints it as its first
 * line; the engine's own address is the first argument. The engine ends the plugin by a signal.
 */
import { connect } from 'node:net'
import grpc from '@grpc/grpc-js'

/** State of a large stack comes in one message; the engine's own limit (sdk/go/common/util/rpcutil). */
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024

export interface PluginService {
  readonly definition: grpc.ServiceDefinition
  readonly implementation: grpc.UntypedServiceImplementation
}

/** How soon a plugin notices that the engine was killed, in milliseconds. */
const ORPHAN_POLL_MS = 1000

/**
 * Ends this process when the engine is gone: one that was killed ends none of its plugins.
 * @param engine where the engine listens, `127.0.0.1:41234`. Asked once: an engine that was killed while this process
 *   began has left it to another parent already, and none of the looks would see a change.
 */
function endWithEngine(engine: string | undefined): void {
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) process.exit()
  }, ORPHAN_POLL_MS).unref()
  const [, host, port] = /^(.+):(\d+)$/.exec(engine ?? '') ?? []
  if (host === undefined) return
  const socket = connect(Number(port), host, () => socket.destroy())
  socket.on('error', () => process.exit())
}

/** Starts the service and announces its port on stdout. */
export async function serve({ definition, implementation }: PluginService): Promise<void> {
  endWithEngine(process.argv[2])
  const server = new grpc.Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  })
  server.addService(definition, implementation)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  console.log(String(port))
}

type Handle<Request, Response> = (request: Request) => Response | Promise<Response>

/** A unary call from a plain function: what it throws becomes the call's error, as the person at the CLI reads it. */
export function unary<Request, Response>(handle: Handle<Request, Response>): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => handle(call.request))
      .then((response) => callback(null, response))
      .catch((error: unknown) => callback(serviceError(error)))
  }
}

function serviceError(error: unknown): Partial<grpc.StatusObject> {
  const details = error instanceof Error ? error.message : String(error)
  return { code: grpc.status.UNKNOWN, details }
}

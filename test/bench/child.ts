/**
 * Processes of the bench's own: each has its own core to itself as far as the machine allows. Both ends of them are
 * here. A child gets its options as first argument and ends when its parent does.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** A child that has said that it is ready. */
export interface Child<Ready> extends AsyncDisposable {
  ready: Ready
  /** Sends it a message and waits for the answer; one at a time. */
  ask(message: object): Promise<unknown>
}

/**
 * Starts a file of this folder in a process of its own.
 * @throws Error if it ends before it is ready
 */
export async function startChild<Ready>(file: string, options: object = {}): Promise<Child<Ready>> {
  // Without execArgv it would get this process's own, such as those of a test runner.
  const child = fork(join(import.meta.dirname, file), [JSON.stringify(options)], { execArgv: [] })
  const answer = () => messageOf(child, file)
  const ready = (await answer()) as Ready
  return {
    ready,
    ask(message) {
      child.send(message)
      return answer()
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

function messageOf(child: ChildProcess, file: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`${file} has ended; its output is above`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message)
    })
  })
}

/** In a child: the options it was started with. */
export function childOptions<Options>(): Options {
  return JSON.parse(process.argv[2] ?? '{}')
}

/** In a child: reports to the parent that it is ready. */
export function tellReady(ready: object): void {
  process.on('disconnect', () => process.exit(0))
  process.send?.(ready)
}

/** In a child: listens on a port of loopback, 0 for any that is free, and reports it to the parent. */
export async function serve(server: Server, port = 0): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  tellReady({ port: (server.address() as AddressInfo).port })
}

/**
 * A setting of a stand-in that runs as a process of its own; without it, and without a default, the process ends with
 * status 2 and a message that names what is missing.
 */
export function setting(program: string, name: string, otherwise?: string): string {
  const value = process.env[name] || otherwise
  if (value) return value
  console.error(`${program}: ${name} is not set; see the head of its main.ts for what it needs.`)
  process.exit(2)
}

/** Where it listens: a pod's port must be reachable from outside of it, anywhere else only this machine may come. */
export const listenHost = (): string =>
  process.env.HOST || (process.env.KUBERNETES_SERVICE_HOST ? '0.0.0.0' : '127.0.0.1')

/**
 * The URL of the registry's public name. Docker speaks plain http to a registry on this machine, and to no other
 * without being told to.
 */
export const publicUrl = (host: string): string => `${isOnThisMachine(host) ? 'http' : 'https'}://${host}`

/** Whether the name is that of the machine that asks, so that others cannot reach the registry by it. */
export const isOnThisMachine = (host: string): boolean => /^localhost(:\d+)?$/.test(host)

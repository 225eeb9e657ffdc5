/**
 * The URL of the registry's public name. Docker uses plain http for a registry on this machine; for any other
 * one it has to be configured.
 */
export const publicUrl = (host: string): string => `${isOnThisMachine(host) ? 'http' : 'https'}://${host}`

/** Whether the name means the local machine, so that other machines cannot reach the registry by it. */
export const isOnThisMachine = (host: string): boolean => /^localhost(:\d+)?$/.test(host)

/**
 * The URL of the registry's public name. Docker speaks plain http to a registry on this machine, and to no other
 * without being told to.
 */
export const publicUrl = (host: string): string => `${/^localhost(:\d+)?$/.test(host) ? 'http' : 'https'}://${host}`

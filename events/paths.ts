/** How the registry calls the program that makes events; registry-config.ts and receiver.ts have to agree. */

export const STREAM_PATH = '/stream'
export const URL_PATH = '/url'
/** Seconds for which the registry waits for an answer at the path of the URL: longer than `forwardMs`. */
export const FORWARD_SECONDS = 15

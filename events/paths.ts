/** How the registry calls the program that makes events: registry-config.ts, receiver.ts and the alerts have to agree. */

/** The status that says: forget this one, although it is not delivered. Delivered is 204. */
export const DROPPED = 202

export const STREAM_PATH = '/stream'
export const URL_PATH = '/url'
/** Seconds for which the registry waits for an answer at the path of the URL: longer than `forwardMs`. */
export const FORWARD_SECONDS = 15

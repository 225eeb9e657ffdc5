/** Every bound of the program that makes events, each with its unit and where the figure comes from. */
const KiB = 1024
const seconds = 1000
const minutes = 60 * seconds

export const limits = {
  /**
   * Bytes of one notification. It repeats headers of the client, of which the registry takes 1 MiB (Go's
   * `DefaultMaxHeaderBytes`), each character escaped with up to six: with less, a pusher could hide a push behind them.
   */
  notificationBytes: 8 * KiB * KiB,
  /** Notifications in one call; distribution 3.1.2 sends one. */
  notificationsPerCall: 100,
  /** Characters of an event's texts that a client chooses or an issuer signed; the mapping in authentik keeps below. */
  textCharacters: 256,
  actorCharacters: 1_024,
  /** Rules that an event names: as many as a line of the audit log. */
  rules: 5,

  /** Connections at once. The registry has one for each of its two queues. */
  connections: 16,
  /** Milliseconds for a whole call to arrive: it comes from the same pod. */
  requestMs: 10 * seconds,
  /** Milliseconds for the receiver at the URL to answer. The registry waits longer for us: see `FORWARD_SECONDS`. */
  forwardMs: 8 * seconds,
  /** Bytes of its answer, which is not read; beyond them the connection is closed. */
  answerBytes: 64 * KiB,
  /** Milliseconds after which an event is no longer sent to the URL: the registry keeps all that wait in its memory. */
  forwardAgeMs: 60 * minutes,
  /** Milliseconds between two lines of the log about a URL that accepts nothing. */
  complaintMs: 60 * seconds,
  /** Milliseconds from SIGTERM for what is under way. The registry has ended by then. */
  drainMs: 9 * seconds,
} as const

export type Limits = { readonly [Name in keyof typeof limits]: number }

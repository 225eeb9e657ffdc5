/**
 * Every bound of the token service, in one place, each with its unit and where the figure comes from.
 *
 * They are not settings: a test that cannot wait passes shorter ones as an argument.
 */
const KiB = 1024
const seconds = 1000

export const limits = {
  /** Bytes of request line and headers. Base64 makes 32 KiB of the longest credential; the rest is for scopes. */
  headerBytes: 64 * KiB,
  /** Bytes of a request's body: percent-encoding makes 72 KiB of the worst credential, but none of a real token. */
  bodyBytes: 64 * KiB,
  /** Bytes of `user:password`, decoded. GitHub's and GitLab's job tokens have 1 to 3 KiB. */
  credentialBytes: 24 * KiB,
  /** Scopes of one request. A push with mounted layers asks for two; a multi-stage build for about ten. */
  scopeCount: 100,
  /** Characters of one scope: a repository name has 255 at most (distribution's reference grammar). */
  scopeLength: 512,

  /** Milliseconds for a client to send its headers, and its whole request. A job on a slow line needs under 1 s. */
  requestHeadersMs: 10 * seconds,
  requestTotalMs: 30 * seconds,
  /** Milliseconds between two looks for clients that are over those times. */
  socketCheckMs: 1 * seconds,
  /** Milliseconds an idle client connection stays open: longer than the 60 s of common proxies, so that they close. */
  clientKeepAliveMs: 75 * seconds,

  /** Connections to authentik. It serves about four exchanges a second; a hundred jobs at once are rare. */
  upstreamConnections: 64,
  /** Milliseconds to connect to authentik, TLS included. */
  upstreamConnectMs: 3 * seconds,
  /** Milliseconds until authentik's answer begins: 50 jobs at once wait 13 s for its four exchanges a second. */
  upstreamHeadersMs: 15 * seconds,
  /** Milliseconds between two pieces of authentik's answer, which comes in one piece. */
  upstreamBodyMs: 5 * seconds,
  /** Milliseconds for all of it, waiting for a connection and the one retry included. */
  upstreamTotalMs: 20 * seconds,
  /** Milliseconds an idle connection to authentik is kept: less than the 5 s after which many servers close theirs. */
  upstreamKeepAliveMs: 4 * seconds,
  /** Bytes of authentik's answer: 1.7 kB were seen; a hundred scopes granted make about 20 kB. */
  upstreamAnswerBytes: 256 * KiB,
  /** Milliseconds between two questions to authentik about tokens that the rules here refuse (`early-refusal.ts`). */
  refusalSampleMs: 60 * seconds,

  /** Bytes of the trust file; Kubernetes takes no ConfigMap over 1 MiB. */
  trustFileBytes: 1024 * KiB,
  /** Milliseconds between two looks at the trust file; Kubernetes itself takes up to a minute to bring a new one. */
  trustFilePollMs: 5 * seconds,

  /** Seconds after which a client may try again when authentik does not answer. */
  retryAfterSeconds: 5,

  /** Milliseconds from SIGTERM to exit: more than `upstreamTotalMs`, less than the 30 s Kubernetes grants. */
  drainMs: 25 * seconds,
}

export type Limits = Readonly<typeof limits>

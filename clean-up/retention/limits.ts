/** Every bound of a run of retention, in one place, each with its unit and where the figure comes from. */
const KiB = 1024
const seconds = 1000

export const limits = {
  /** Repositories of a run: each costs two requests at least. */
  repositories: 10_000,
  /** Tags of a repository; the registry itself reads all of them whenever one of its manifests is deleted. */
  tags: 10_000,
  /** Manifests of a repository, and what they list or attach themselves to: about 100 bytes of memory each. */
  manifests: 50_000,
  ties: 200_000,
  /** Bytes of a manifest: what distribution takes at most (`maxManifestBodySize`). */
  manifestBytes: 4 * KiB * KiB,
  /** Bytes of an image's configuration: its history makes some kilobytes. Of a larger one the age counts as unknown. */
  configBytes: 1 * KiB * KiB,
  /**
   * Bytes of one page of the catalog or of a list of tags: a thousand names of at most 255 characters, or all of them.
   */
  listBytes: 8 * KiB * KiB,
  /** Entries of one page; distribution refuses more than 1,000 (`catalog.maxentries`). */
  pageEntries: 1_000,
  /** Bytes of a token's answer: one for twenty repositories has about 5 kB. */
  tokenBytes: 256 * KiB,
  /** Repositories of one token: authentik makes four tokens a second, and a header may not be endless. */
  tokenRepositories: 20,
  /** Requests at once: the registry serves its clients meanwhile. */
  requestsAtOnce: 4,
  /** Milliseconds of one request; deleting a manifest makes the registry read every tag of its repository. */
  requestMs: 60 * seconds,
  /** Milliseconds before its end from which a token is no longer used. */
  tokenMarginMs: 20 * seconds,
}

export type Limits = Readonly<typeof limits>

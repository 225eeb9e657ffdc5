/** What a repository contains, as far as a decision about its images needs it. */

/** An image, an index of images, or what is attached to one. */
export interface Manifest {
  /** Manifests that it lists: an index needs the images of its platforms. Layers do not matter here. */
  readonly children: readonly string[]
  /** What it is attached to (OCI image specification, `subject`). */
  readonly subject: string | undefined
  /** When it was made, as it says itself, in milliseconds since 1970; undefined where it does not say. */
  readonly createdMs: number | undefined
}

export interface Contents {
  /** Tag to digest. */
  readonly tags: ReadonlyMap<string, string>
  /** By digest: everything that the tags lead to, and that the repository has. */
  readonly manifests: ReadonlyMap<string, Manifest>
}

/**
 * The digest that a tag is attached to by its name: `sha256-<hex>.sig` of cosign, and `sha256-<hex>`, under which
 * clients list attachments where a registry has no referrers API (OCI distribution specification, "Referrers tag
 * schema").
 */
export function attachedTo(tag: string): string | undefined {
  const { algorithm, hex } =
    /^(?<algorithm>sha256|sha512)-(?<hex>[0-9a-f]{64,128})(\.[\w.-]+)?$/.exec(tag)?.groups ?? {}
  return hex === undefined ? undefined : `${algorithm}:${hex}`
}

/**
 * Where GitHub's tokens come from, for each kind of GitHub: github.com, an enterprise on github.com with an issuer of
 * its own, an enterprise with data residency (`*.ghe.com`), and GitHub Enterprise Server.
 *
 * From docs.github.com: "OpenID Connect reference" (also of Enterprise Server), "Customizing the issuer value for an
 * enterprise", and "Feature overview for GitHub Enterprise Cloud with data residency".
 */

const GITHUB_HOST = 'github.com'
const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com'
/** A tenant of GitHub Enterprise Cloud with data residency: its web address, or that of one of its services. */
const TENANT_HOST = /^(?:[a-z0-9-]+\.)*?([a-z0-9-]+)\.ghe\.com$/
/** An issuer of GitHub's own servers, with the enterprise's slug where it has one. */
const CLOUD_ISSUER = /^(https:\/\/token\.actions\.(?:githubusercontent\.com|[a-z0-9-]+\.ghe\.com))(?:\/([^/]+))?\/?$/

/** What a person wrote about a GitHub source. */
export interface GitHubAddress {
  /** The web address, such as `https://github.example.com` or `https://acme.ghe.com`; github.com if undefined. */
  readonly url?: string | undefined
  /** The enterprise's slug, where its tokens have an issuer of their own. */
  readonly enterprise?: string | undefined
}

/** The issuer of a GitHub source, or what is wrong with its address. */
export function githubIssuer({ url, enterprise }: GitHubAddress): { issuer: string } | { wrong: string } {
  const base = url === undefined ? { issuer: GITHUB_ISSUER, cloud: true } : issuerOfAddress(new URL(url))
  if ('wrong' in base) return base
  const slug = enterprise ?? base.enterprise
  if (slug === undefined) return { issuer: base.issuer }
  if (base.enterprise !== undefined && base.enterprise !== slug) {
    return { wrong: `the url names the enterprise "${base.enterprise}", and enterprise is "${slug}"` }
  }
  if (!base.cloud)
    return { wrong: 'only github.com and ghe.com have an issuer for each enterprise, and this url is neither' }
  return { issuer: `${base.issuer}/${slug}` }
}

type Base = { issuer: string; cloud: boolean; enterprise?: string | undefined }

function issuerOfAddress(url: URL): Base | { wrong: string } {
  const address = `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`
  const [, server, ofIssuer] = CLOUD_ISSUER.exec(address) ?? []
  if (server !== undefined) return { issuer: server, cloud: true, enterprise: ofIssuer }
  const tenant = TENANT_HOST.exec(url.hostname)?.[1]
  const isCloud = tenant !== undefined || url.hostname === GITHUB_HOST || url.hostname === `www.${GITHUB_HOST}`
  if (!isCloud) {
    // The address of the issuer itself is accepted too.
    return { issuer: address.endsWith('/_services/token') ? address : `${address}/_services/token`, cloud: false }
  }
  const [, enterprise] = /^\/enterprises\/([^/]+)\/*$/.exec(url.pathname) ?? []
  if (enterprise === undefined && !/^\/*$/.test(url.pathname)) {
    return { wrong: `url must be the address of GitHub itself; remove "${url.pathname}"` }
  }
  return {
    issuer: tenant === undefined ? GITHUB_ISSUER : `https://token.actions.${tenant}.ghe.com`,
    cloud: true,
    enterprise,
  }
}

/**
 * Where the keys of a GitHub issuer are, as its discovery document says in `jwks_uri`.
 *
 * An enterprise's own issuer has a discovery document but no keys of its own: it uses those of the whole server
 * (docs/observed-behaviour.md). authentik gets this address and not the document, which lacks the login pages that
 * authentik expects in one.
 */
export function githubKeysUrl(issuer: string): string {
  const server = CLOUD_ISSUER.exec(issuer)?.[1] ?? issuer
  return `${server.replace(/\/+$/, '')}/.well-known/jwks`
}

/** Whether two issuers belong to one server: then names and ids mean the same in the tokens of both. */
export function isSameGitHub(one: string, other: string): boolean {
  return githubKeysUrl(one) === githubKeysUrl(other)
}

/** The slug of the enterprise, if this is the issuer of one. */
export function enterpriseOf(issuer: string): string | undefined {
  return CLOUD_ISSUER.exec(issuer)?.[2]
}

/**
 * Where people see the repositories of an issuer, without a slash at the end; undefined where the issuer does not tell.
 */
export function githubWebUrl(issuer: string): string | undefined {
  const server = CLOUD_ISSUER.exec(issuer)?.[1]
  if (server === GITHUB_ISSUER) return `https://${GITHUB_HOST}`
  if (server !== undefined) return server.replace('token.actions.', '')
  return /^(.+)\/_services\/token$/.exec(issuer)?.[1]
}

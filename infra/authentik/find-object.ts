/** Finds an object in authentik by its API, for the kinds that the provider has no look-up for. */
import * as pulumi from '@pulumi/pulumi'

/** The look-up only improves the text of an error; it must not hold that back. */
const LIMIT_MS = 10_000

export interface AuthentikAccess {
  url: string
  token: string
}

/**
 * The primary key of the one object that a list holds under these filters.
 *
 * @param path of the list, such as `policies/expression`
 * @throws Error where it is not exactly one, or authentik does not answer
 */
export async function findObject(
  { url, token }: AuthentikAccess,
  path: string,
  filters: Record<string, string>,
): Promise<string> {
  const response = await fetch(`${url.replace(/\/+$/, '')}/api/v3/${path}/?${new URLSearchParams(filters)}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(LIMIT_MS),
  })
  const { results = [] } = (await response.json()) as { results?: { pk: string }[] }
  const [only, ...more] = results
  if (only === undefined || more.length > 0) throw new Error(`${path} holds ${results.length} such objects`)
  return only.pk
}

/** Address and token as the provider has them: from the stack's configuration, else from the environment. */
export async function authentikAccess(): Promise<AuthentikAccess> {
  const config = new pulumi.Config('authentik')
  const secret = config.getSecret('token')
  const configured = secret && new Promise<string>((resolve) => secret.apply(resolve))
  return {
    url: config.get('url') ?? process.env.AUTHENTIK_URL ?? '',
    token: (await configured) ?? process.env.AUTHENTIK_TOKEN ?? '',
  }
}

/**
 * The page at `/`: what this registry is, how jobs and people log in, and what is working. Everyone who knows the name
 * can see it, so it says nothing about rules, repositories or versions. No script runs, and the style is allowed by its
 * hash.
 */
import { createHash } from 'node:crypto'
import type { Answer } from './answer.ts'

/** What the page shows. */
export interface PageFacts {
  /** This host as the browser named it: untrusted text. */
  readonly host: string | undefined
  readonly authentikAnswers: boolean
  /** Whether the registry has the keys that authentik signs with. */
  readonly keysMatch: boolean
  readonly hasRules: boolean
}

const style = `
:root { color-scheme: light dark; --line: #d0d7de; --soft: #57606a; --up: #1a7f37; --down: #cf222e; --code: #f6f8fa }
@media (prefers-color-scheme: dark) { :root { --line: #3d444d; --soft: #9198a1; --up: #3fb950; --down: #f85149; --code: #151b23 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 46rem; padding: 2rem 1rem 4rem; font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25 }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.1rem }
h3 { margin: 1.5rem 0 .5rem; font-size: 1rem }
p { margin: .5rem 0 }
.soft { color: var(--soft) }
.overall { margin: 1.5rem 0; padding: .75rem 1rem; border: 1px solid; border-radius: .5rem; font-weight: 600 }
.up { color: var(--up) }
.down { color: var(--down) }
ul { list-style: none; margin: 0; padding: 0; border: 1px solid var(--line); border-radius: .5rem }
li { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; padding: .6rem 1rem }
li + li { border-top: 1px solid var(--line) }
pre { margin: 0; padding: .75rem 1rem; background: var(--code); border: 1px solid var(--line); border-radius: .5rem; overflow-x: auto; font: .85rem/1.5 ui-monospace, monospace }
`
const hash = createHash('sha256').update(style).digest('base64')
const headers = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** A public name with or without a port; anything else is not repeated. */
const HOST = /^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?(:\d{1,5})?$/

export function pageAnswer({ host, authentikAnswers, keysMatch, hasRules }: PageFacts): Answer {
  const name = host !== undefined && HOST.test(host) ? host.toLowerCase() : 'registry.example.com'
  const parts = [
    { what: 'Token service', up: true, says: 'answers' },
    {
      what: 'Logins',
      up: authentikAnswers,
      says: authentikAnswers ? 'authentik answers' : 'authentik does not answer',
    },
    {
      what: 'Keys',
      up: keysMatch,
      says: keysMatch ? 'the registry knows the keys in use' : 'the registry lacks a key in use',
    },
    { what: 'Rules', up: hasRules, says: hasRules ? 'loaded' : 'none could be read, so no job is let in' },
  ]
  const isUp = parts.every(({ up }) => up)
  const state = (up: boolean) => (up ? 'up' : 'down')
  const rows = parts.map(
    ({ what, up, says }) => `<li><span>${what}</span><span class="${state(up)}">${says}</span></li>`,
  )
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${name}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${name}</h1>
<p class="soft">A container registry. CI jobs push with the token of their platform; no password is stored anywhere.</p>
</header>
<main>
<p class="overall ${state(isUp)}">${isUp ? 'Everything works' : 'Something does not work'}</p>
<ul>
${rows.join('\n')}
</ul>
<h2>Log in from CI</h2>
<p>The operator's rules say which jobs may push and pull; the log of a refused job says why.</p>
<h3>GitHub Actions</h3>
<p>Give the job <code>permissions: { id-token: write }</code>, and take the login from this project's repository:</p>
<pre>- uses: OWNER/passwordless-registry/ci/github@TAG
  id: login
  with: { registry: ${name} }</pre>
<h3>GitLab CI</h3>
<pre>job:
  id_tokens:
    REGISTRY_TOKEN: { aud: ${name} }
  script:
    - printf %s "$REGISTRY_TOKEN" |
      docker login --username JWT --password-stdin ${name}</pre>
<h3>Any other platform</h3>
<p>An OpenID Connect token of the job for the audience <code>${name}</code> is the password of the user <code>JWT</code>.</p>
<h2>Log in by hand</h2>
<p>With your user name and an app password of authentik:</p>
<pre>docker login ${name}</pre>
</main>
</body>
</html>
`
  return { status: 200, headers, body }
}

import { ports } from '../paths.ts'
import type { Settings } from './settings.ts'

/** What to type once the world runs: where everything is, and a push by hand. */
export function guide(settings: Settings): string {
  const authentik = settings.standInAuthentik
    ? `http://127.0.0.1:${ports.authentik} (a stand-in)`
    : settings.authentikUrl
  return `
The registry        http://${settings.host}
authentik           ${authentik}
What runs           npm run status
The stack           npm run preview, or any pulumi command after: eval "$(npm run -s status -- --env)"

Try it by hand, with any image that docker has:
  npm run -s token -- github --repository acme/app | docker login ${settings.host} -u JWT --password-stdin
  docker tag IMAGE ${settings.host}/acme/app:1 && docker push ${settings.host}/acme/app:1

npm run down takes all of it away.
`
}

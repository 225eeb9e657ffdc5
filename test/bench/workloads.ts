/** What clients ask, as the bytes of their requests: one after the other, without end, the same for the same number. */
import { readFileSync } from 'node:fs'
import { ciToken, splitScope } from './jwt.ts'

/** One request, and what a check of its answer needs to know. */
export interface Ask {
  /** The whole request; every character is one byte. */
  request: string
  jwt: string
  scopes: readonly string[]
}

/** @param index counts from 0 */
export type Workload = (index: number) => Ask

/** What is the same for all requests of a run. */
export interface WorkloadSettings {
  /** Tells the credentials of this run from those of any other. */
  run: string
  /** Where the token endpoint is. */
  url: string
  service: string
  /** What `unique`, `repeated` and `many` ask for; `mix` and `soak` make their own of its repository. */
  scope: string
  /** Seconds since 1970: when the CI tokens were issued. */
  issuedAt: number
  /** A file with a CI token on each line, which `unique` and `repeated` then use instead of unsigned tokens. */
  tokens?: string
}

/**
 * `unique`: each request another credential, so nothing can be remembered. `repeated`: always the same request.
 * `mix`: jobs that push images. `many`: 50,000 credentials in turn. `soak`: short jobs, and jobs that last.
 */
export const workloadNames = ['unique', 'repeated', 'mix', 'many', 'soak'] as const
export type WorkloadName = (typeof workloadNames)[number]

/** Of `many`. */
export const MANY_CREDENTIALS = 50_000

/** Jobs of `mix` that push at the same time; of `soak` that do so, and that last as long as the run. */
const MIX_JOBS = 50
const SOAK_SHORT_JOBS = 200
const SOAK_LONG_JOBS = 200
/** Of `soak`, one request of so many is one of a long job's. */
const SOAK_LONG_SHARE = 4

/** Longer than any run, and than any cache keeps what was made of it. */
const CI_TOKEN_SECONDS = 6 * 60 * 60

/** What docker sends; some of its length is what a server has to read. */
const userAgent = 'docker/28.3.0 go/go1.24.4 kernel/6.8.0-60-generic os/linux arch/amd64'

/**
 * What a job asks for, in the order of its push. docker asks again for each piece of an image that it sends: here the
 * layers and configurations of two architectures, with some layers mounted from another repository, the manifests
 * and the index. Then somebody looks at what was pushed.
 */
type Step = 'login' | 'push' | 'mount' | 'pull'
const pushSteps: readonly Step[] = [
  ...(['login', 'push', 'push', 'mount', 'push', 'push', 'push', 'mount', 'push'] as const), // amd64
  ...(['push', 'mount', 'push', 'push', 'push', 'push'] as const), // arm64
  ...(['push', 'pull'] as const), // index
]

/** Makes a workload. */
export function createWorkload(name: WorkloadName, settings: WorkloadSettings): Workload {
  const { run, scope } = settings
  const repository = repositoryOf(scope)
  const write = createWriter(settings)
  const target = write.target([scope])
  const signed = settings.tokens === undefined ? undefined : readFileSync(settings.tokens, 'utf8').split('\n')
  const single = (id: string, index = 0) => {
    const login = signed ? write.password(signed[index] ?? '') : write.login(`${run}-${id}`, repository)
    return write.ask(login, target)
  }
  switch (name) {
    case 'unique':
      return (index) => single(`u${index}`, index)
    case 'repeated': {
      const always = single('r')
      return () => always
    }
    case 'many':
      return (index) => single(`m${index % MANY_CREDENTIALS}`)
    case 'mix':
      return pushes(settings, MIX_JOBS)
    case 'soak': {
      const short = pushes(settings, SOAK_SHORT_JOBS)
      const long = pushes({ ...settings, run: `${run}-long` }, SOAK_LONG_JOBS, 'endless')
      return (index) => {
        const turn = Math.floor(index / SOAK_LONG_SHARE)
        return index % SOAK_LONG_SHARE === 0 ? long(turn) : short(index - turn - 1)
      }
    }
  }
}

/** Jobs side by side, each going through the steps of a push; then another job with another credential follows. */
function pushes(settings: WorkloadSettings, jobs: number, length: 'one push' | 'endless' = 'one push'): Workload {
  const write = createWriter(settings)
  const base = repositoryOf(settings.scope)
  const current: { generation: number; asks: Record<Step, Ask> }[] = []
  return (index) => {
    const place = index % jobs
    const turn = Math.floor(index / jobs)
    const step = pushSteps[turn % pushSteps.length] ?? 'push'
    const generation = length === 'endless' ? 0 : Math.floor(turn / pushSteps.length)
    let job = current[place]
    if (job?.generation !== generation) {
      const repository = `${base}-${place}`
      const login = write.login(`${settings.run}-j${generation}-${place}`, repository)
      const ask = (scopes: readonly string[], offline = false) => write.ask(login, write.target(scopes, offline))
      const push = `repository:${repository}:push,pull`
      job = {
        generation,
        asks: {
          login: ask([], true),
          push: ask([push]),
          mount: ask([push, `repository:${base}:pull`]),
          pull: ask([`repository:${repository}:pull`]),
        },
      }
      current[place] = job
    }
    return job.asks[step]
  }
}

/** Writes requests in the pieces that several of them share. */
function createWriter({ url, service, issuedAt }: WorkloadSettings) {
  const { host, pathname } = new URL(url)
  return {
    target(scopes: readonly string[], offline = false) {
      const query = new URLSearchParams({
        ...(offline ? { account: 'JWT', client_id: 'docker', offline_token: 'true' } : {}),
        service,
      })
      for (const scope of scopes) query.append('scope', scope)
      const head = `GET ${pathname}?${query} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${userAgent}\r\n`
      return { scopes, head }
    },
    login(id: string, repository: string) {
      const jwt = ciToken({ id, repository, issuedAt, expiresAt: issuedAt + CI_TOKEN_SECONDS })
      return this.password(jwt)
    },
    password(jwt: string) {
      const basic = Buffer.from(`JWT:${jwt}`, 'latin1').toString('base64')
      return { jwt, header: `Authorization: Basic ${basic}\r\n\r\n` }
    },
    ask: (
      { jwt, header }: { jwt: string; header: string },
      { scopes, head }: { scopes: readonly string[]; head: string },
    ): Ask => ({
      request: head + header,
      jwt,
      scopes,
    }),
  }
}

export function repositoryOf(scope: string): string {
  const { resource } = splitScope(scope)
  return resource.slice(resource.indexOf(':') + 1)
}

/**
 * Expressions in a real Python: one long-lived child process that answers JSON lines, one question at a time.
 *
 * The child is started with the first question and again after it died or overran its time.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import type { HttpRequest } from '../http.ts'
import type { Application, ExpressionPolicy, Json, JsonObject, OAuth2Provider, ScopeMapping, User } from '../rows.ts'
import type { Store } from '../store.ts'
import { rowsForExpressions } from './rows.ts'

/** An expression that takes longer fails, and the child is replaced. Includes a cold start of Python. */
const EXPRESSION_LIMIT_MS = 10_000

/** The Python files of the worker; the first is the one that is run. They stand side by side. */
export const PYTHON_FILES = [
  'expression_worker.py',
  'expression_http.py',
  'expression_models.py',
  'expression_names.py',
] as const

/** What is the same for every expression of one request. */
export interface ExpressionRequest {
  request: HttpRequest
  form: URLSearchParams
  /** Undefined is the anonymous user. */
  user: User | undefined
}

interface Reply {
  id?: number
  error?: string
  passing?: boolean
  messages?: string[]
  claims?: JsonObject
  /** Users whose attributes a mapping has changed. */
  saved?: { pk: number; attributes: JsonObject }[]
}

/** The access token that a scope mapping writes into. */
export interface TokenToCome {
  provider: OAuth2Provider
  scope: readonly string[]
  /** Milliseconds since the epoch. */
  expires: number
}

/** An expression raised, overran its time, or Python is not there. */
export class ExpressionFailed extends Error {}

export class Expressions {
  readonly #python: string
  readonly #store: Store
  readonly #log: Logger
  readonly #limitMs: number
  #child: ChildProcessWithoutNullStreams | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #answered: ((reply: Reply) => void) | undefined
  #questions = 0

  /** @param python path of a Python 3 that can import PyJWT */
  constructor(python: string, store: Store, log: Logger, limitMs = EXPRESSION_LIMIT_MS) {
    this.#python = python
    this.#store = store
    this.#log = log
    this.#limitMs = limitMs
  }

  /** @returns Python's message, or undefined where the expression compiles */
  async syntaxError(expression: string): Promise<string | undefined> {
    return (await this.#ask({ do: 'check', expression })).error
  }

  /**
   * Whether a policy lets a request pass. Any truthy return does; none at all does not.
   * @param context `oauth_scopes`, `oauth_grant_type` and, for an assertion, its verified claims as `oauth_jwt`
   * @throws ExpressionFailed where the policy raises
   */
  async policyPasses(
    policy: ExpressionPolicy,
    application: Application,
    context: JsonObject,
    from: ExpressionRequest,
  ): Promise<boolean> {
    const { name, expression } = policy
    const question = { do: 'policy', name, expression, application: application.pk, context }
    const reply = await this.#askAbout(question, from)
    this.#log.info({ policy: name, passing: reply.passing, messages: reply.messages }, 'policy')
    return reply.passing === true
  }

  /**
   * The claims that a scope mapping writes. What it saves of users is kept.
   * @throws ExpressionFailed where it raises or returns no dict
   */
  async claims(
    mapping: ScopeMapping,
    { provider, scope, expires }: TokenToCome,
    from: ExpressionRequest,
  ): Promise<JsonObject> {
    const { name, expression } = mapping
    const token = { provider: provider.pk, scope: [...scope], expires: expires / 1000 }
    const reply = await this.#askAbout({ do: 'mapping', name, expression, ...token }, from)
    for (const { pk, attributes } of reply.saved ?? [])
      Object.assign(this.#store.get('users', pk) ?? {}, { attributes })
    return reply.claims ?? {}
  }

  /** Ends the child. */
  close(): void {
    this.#child?.kill('SIGKILL')
    this.#child = undefined
  }

  async #askAbout(question: JsonObject, { request, form, user }: ExpressionRequest): Promise<Reply> {
    const { method, path, query, scheme, headers, remoteAddress } = request
    const reply = await this.#ask({
      ...question,
      user: user?.pk ?? null,
      request: { method, path, scheme, headers, remoteAddress, query: [...query], form: [...form] },
      rows: rowsForExpressions(this.#store, form),
    })
    if (reply.error !== undefined) throw new ExpressionFailed(reply.error)
    return reply
  }

  #ask(question: { [key: string]: Json }): Promise<Reply> {
    const reply = this.#queue.then(() => this.#askNow(question))
    this.#queue = reply.catch(() => undefined)
    return reply
  }

  async #askNow(question: { [key: string]: Json }): Promise<Reply> {
    const { promise, resolve } = Promise.withResolvers<Reply>()
    const limit = setTimeout(() => {
      this.#log.warn({ do: question.do, name: question.name }, 'an expression overran its time; Python is restarted')
      this.close()
      resolve({ error: `took longer than ${this.#limitMs / 1000} s` })
    }, this.#limitMs)
    this.#answered = resolve
    this.#questions += 1
    this.#child ??= this.#start()
    this.#child.stdin.write(`${JSON.stringify({ ...question, id: this.#questions })}\n`)
    try {
      return await promise
    } finally {
      clearTimeout(limit)
      this.#answered = undefined
    }
  }

  #start(): ChildProcessWithoutNullStreams {
    const script = fileURLToPath(new URL(PYTHON_FILES[0], import.meta.url))
    // No environment but the path: what the server was given is none of an expression's business.
    // -B: the files may lie in a read-only directory. -E and -s: nothing of the person who started it.
    const child = spawn(this.#python, ['-B', '-E', '-s', script], { env: { PATH: process.env.PATH } })
    child.stdin.on('error', () => undefined) // The exit that follows says why.
    child.on('error', (error) => this.#ended(child, `cannot start Python at "${this.#python}": ${error.message}`))
    child.on('exit', (code, signal) => this.#ended(child, `Python ended (${signal ?? `status ${code}`})`))
    createInterface({ input: child.stdout }).on('line', (line) => this.#received(JSON.parse(line) as Reply))
    createInterface({ input: child.stderr }).on('line', (line) => this.#log.info({ expression: line }, 'Python says'))
    return child
  }

  #received(reply: Reply): void {
    // A child that was given up may still have had its answer on the way.
    if (reply.id === this.#questions) this.#answered?.(reply)
  }

  #ended(child: ChildProcessWithoutNullStreams, why: string): void {
    if (this.#child !== child) return
    this.#child = undefined
    this.#log.warn({ why }, 'Python is gone; the next expression starts it again')
    this.#answered?.({ error: why })
  }
}

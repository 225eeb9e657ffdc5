/** The Python side of the differential test: one long-lived process, one JSON line for each case. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Case } from './cases.ts'

export const sharedExpression = join(import.meta.dirname, '../../infra/authentik/expressions/trust.py')
const matcher = join(import.meta.dirname, 'matcher.py')

/** A decision takes milliseconds; the longest of the fuzz cases stays far below a second. */
const ANSWER_LIMIT_SECONDS = 30

export interface Answer {
  understood: boolean
  rules: number[]
  access: { type: string; name: string; actions: string[] }[]
  /** The slug of the source that the case's token comes from. */
  source: string | null
}

export interface PythonMatcher extends AsyncDisposable {
  decide(input: Case): Promise<Answer>
  /** Milliseconds of the quickest of some rounds. */
  measure(input: Case, rounds: number): Promise<number>
}

/** Starts the process. Questions are answered in order; a process that ends fails the question it was asked. */
export function startPythonMatcher(python: string): PythonMatcher {
  const child = spawn(python, [matcher, sharedExpression], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const exited = once(child, 'exit')
  child.stdin.on('error', () => {}) // a process that has ended shows in its missing answer
  const ask = async (question: unknown): Promise<unknown> => {
    const limit = setTimeout(() => child.kill(), ANSWER_LIMIT_SECONDS * 1000)
    child.stdin.write(`${JSON.stringify(question)}\n`)
    const line = await lines.next().finally(() => clearTimeout(limit))
    if (line.done) throw new Error(`the Python matcher has ended, or took more than ${ANSWER_LIMIT_SECONDS} s`)
    return JSON.parse(line.value)
  }
  return {
    decide: async (input) => (await ask(input)) as Answer,
    measure: async (input, rounds) => ((await ask({ ...input, rounds })) as { milliseconds: number }).milliseconds,
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await exited
    },
  }
}

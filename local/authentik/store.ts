/**
 * The stand-in's database: all rows in memory, and one JSON file that is replaced as a whole.
 *
 * A reader of the file sees either the old or the new state, never half of one: it is written beside, synced and then
 * renamed over.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { type Kind, type Rows, tables } from './rows.ts'

const KINDS = Object.keys(tables) as Kind[]

/** Rises when the layout changes in a way that older data does not fit. */
const LAYOUT = 1

type Tables = { [K in Kind]: Map<string, Rows[K]> }

interface Saved {
  layout: number
  numbers: Record<string, number>
  rows: { [K in Kind]?: Rows[K][] }
}

export class Store {
  readonly #path: string
  readonly #tables: Tables
  readonly #numbers: Record<string, number>
  #writing: Promise<void> | undefined
  #next: Promise<void> | undefined

  private constructor(path: string, saved: Saved) {
    this.#path = path
    this.#numbers = saved.numbers
    this.#tables = Object.fromEntries(
      KINDS.map((kind) => [kind, new Map((saved.rows[kind] ?? []).map((row) => [String(row.pk), row]))]),
    ) as Tables
  }

  /**
   * Reads `authentik.json` from a directory, which is made (0700) where it is missing; no file is an empty database.
   * @throws Error naming the file where it cannot be understood.
   */
  static async open(dataDir: string): Promise<Store> {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    const path = join(dataDir, 'authentik.json')
    return new Store(path, await readSaved(path))
  }

  /** All rows of a kind, oldest first. */
  all<K extends Kind>(kind: K): Rows[K][] {
    return [...this.#tables[kind].values()]
  }

  get<K extends Kind>(kind: K, pk: string | number | null): Rows[K] | undefined {
    return pk === null ? undefined : this.#tables[kind].get(String(pk))
  }

  find<K extends Kind>(kind: K, matches: (row: Rows[K]) => boolean): Rows[K] | undefined {
    return this.all(kind).find(matches)
  }

  insert<K extends Kind>(kind: K, row: Rows[K]): Rows[K] {
    this.#tables[kind].set(String(row.pk), row)
    return row
  }

  /** Takes one row away and nothing else; `deleteRow` in deletion.ts follows the references. */
  drop(kind: Kind, pk: string | number): void {
    this.#tables[kind].delete(String(pk))
  }

  /** The next number of a sequence; like the ones of a database it never hands out a number twice. */
  nextNumber(sequence: string): number {
    const number = (this.#numbers[sequence] ?? 0) + 1
    this.#numbers[sequence] = number
    return number
  }

  /** Resolves once everything that was changed before the call is on disk. Callers at the same time share a write. */
  save(): Promise<void> {
    if (!this.#writing) {
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined
      })
      return this.#writing
    }
    // The write under way may have begun before the caller's change: one more follows, for all who ask meanwhile.
    this.#next ??= this.#writing
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.save()
      })
    return this.#next
  }

  async #write(): Promise<void> {
    const rows = Object.fromEntries(KINDS.map((kind) => [kind, this.all(kind)]))
    const text = JSON.stringify({ layout: LAYOUT, numbers: this.#numbers, rows })
    const beside = `${this.#path}.new`
    const file = await open(beside, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, this.#path)
  }
}

async function readSaved(path: string): Promise<Saved> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return { layout: LAYOUT, numbers: {}, rows: {} }
  let saved: Saved
  try {
    saved = JSON.parse(text) as Saved
  } catch {
    throw new Error(`stand-in authentik: ${path} is not JSON. Move it away to start with an empty database.`)
  }
  if (saved.layout !== LAYOUT) {
    throw new Error(
      `stand-in authentik: ${path} has layout ${saved.layout}, this version reads layout ${LAYOUT}. ` +
        'Move it away to start with an empty database.',
    )
  }
  return saved
}

/** Lists as authentik's API answers them: filtered by query parameters, ordered, in pages. */
import { detail } from './http.ts'
import type { ApiContext, Resource } from './resource.ts'
import type { Json } from './rows.ts'

const DEFAULT_PAGE_SIZE = 20
const LARGEST_PAGE_SIZE = 100

/** Fields that `?search=` looks into. */
const SEARCHED = ['name', 'slug', 'username', 'identifier', 'client_id', 'scope_name'] as const

type Values = Record<string, unknown>

/**
 * One page of a resource, chosen by `page`, `page_size`, `search`, `ordering` and filters by field (`?slug=`,
 * `?name=`).
 * @throws Answer 404 for a page that does not exist
 */
export function listPage(resource: Resource, context: ApiContext): Json {
  const { query, store } = context
  const rows = store.all(resource.kind).filter((row) => matches(row as unknown as Values, resource, query))
  order(rows as unknown as Values[], query.get('ordering'))

  const size = Math.min(positive(query.get('page_size')) ?? DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE)
  const pages = Math.max(1, Math.ceil(rows.length / size))
  const page = query.has('page') ? positive(query.get('page')) : 1
  if (!page || page > pages) throw detail(404, 'Invalid page.')
  const start = (page - 1) * size
  const shown = rows.slice(start, start + size)
  return {
    pagination: {
      next: page < pages ? page + 1 : 0,
      previous: page - 1,
      count: rows.length,
      current: page,
      total_pages: pages,
      start_index: shown.length === 0 ? 0 : start + 1,
      end_index: start + shown.length,
    },
    results: shown.map((row) => resource.present(row, context)),
    autocomplete: resource.autocomplete ?? {},
  }
}

function matches(row: Values, { fields, lookup }: Resource, query: URLSearchParams): boolean {
  for (const [name, wanted] of query) {
    // Like django-filter: an unknown or empty parameter filters nothing.
    const filters = name === lookup || name === 'uuid' || (name in fields && fields[name]?.type !== 'object')
    if (filters && wanted !== '' && !equals(row[name], wanted)) return false
  }
  const search = query.get('search')?.toLowerCase()
  return (
    !search ||
    SEARCHED.some((name) =>
      String(row[name] ?? '')
        .toLowerCase()
        .includes(search),
    )
  )
}

const equals = (value: unknown, wanted: string): boolean =>
  Array.isArray(value) ? value.map(String).includes(wanted) : String(value) === wanted

function order(rows: Values[], ordering: string | null): void {
  if (!ordering) return
  const field = ordering.replace(/^-/, '')
  const sign = ordering.startsWith('-') ? -1 : 1
  const text = (row: Values) => String(row[field] ?? '')
  rows.sort((a, b) => sign * text(a).localeCompare(text(b), 'en', { numeric: true }))
}

function positive(text: string | null): number | undefined {
  return text !== null && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}

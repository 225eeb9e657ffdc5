/** `<object>/used_by/`: which objects refer to one, and what its deletion does to them. */
import { resources } from './resources/index.ts'
import type { Json, Kind } from './rows.ts'
import type { Store } from './store.ts'

/** The Django application that a kind belongs to. */
const APPS: Partial<Record<Kind, string>> = {
  bindings: 'authentik_policies',
  policies: 'authentik_policies_expression',
  providers: 'authentik_providers_oauth2',
  scopeMappings: 'authentik_providers_oauth2',
  accessTokens: 'authentik_providers_oauth2',
  sources: 'authentik_sources_oauth',
  certificates: 'authentik_crypto',
  flows: 'authentik_flows',
}

/** The objects with a field that holds this `pk`, once for each such field. */
export function usedBy(kind: Kind, pk: string | number, store: Store): Json {
  return resources.flatMap(({ kind: user, model, fields }) =>
    Object.entries(fields)
      .filter(([, field]) => !field.virtual && field.references?.includes(kind))
      .flatMap(([name, { type, onDelete }]) =>
        (store.all(user) as unknown as Record<string, unknown>[])
          .filter((row) => (type === 'many' ? (row[name] as unknown[]).includes(pk) : row[name] === pk))
          .map((row) => ({
            app: APPS[user] ?? 'authentik_core',
            model_name: model.toLowerCase(),
            pk: String(row.pk),
            name: String(row.name ?? row.username ?? row.identifier ?? `${model} ${row.pk}`),
            action: type === 'many' ? 'cascade_many' : onDelete === 'clear' ? 'set_null' : 'cascade',
          })),
      ),
  )
}

import { resource } from '../resource.ts'
import type { Json, OAuth2Provider } from '../rows.ts'
import { isSince } from '../version.ts'
import { partialProvider } from './provider.ts'

export const applications = resource<'applications'>({
  kind: 'applications',
  path: 'core/applications',
  lookup: 'slug',
  model: 'Application',
  label: 'Application',
  present({ meta_hide = false, ...application }, { store, version }) {
    const provider = store.get('providers', application.provider)
    return {
      ...application,
      ...(isSince('2026.5', version) ? { meta_hide } : {}),
      ...(isSince('2026.8', version) ? { pbm_uuid: application.pk } : {}),
      provider_obj: provider ? partialProvider(provider, store) : null,
      backchannel_providers_obj: application.backchannel_providers.map((pk) =>
        partialProvider(store.get('providers', pk) as OAuth2Provider, store),
      ),
      launch_url: application.meta_launch_url || null,
      meta_icon_url: application.meta_icon || null,
      meta_icon_themed_urls: null,
    } as Json
  },
})

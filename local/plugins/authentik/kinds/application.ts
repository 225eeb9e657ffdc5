import type { Application, ApplicationRequest } from '@goauthentik/api/dist/esm/index.js'
import { orMissing } from '../api.ts'
import { inOrderOf, kind } from '../kind.ts'

export const application = kind<ApplicationRequest, Application>({
  defaults: { openInNewTab: false, policyEngineMode: 'any' },
  request: (wanted) => ({
    name: wanted.text('name'),
    slug: wanted.text('slug'),
    provider: wanted.numberOrNull('protocolProvider'),
    backchannelProviders: wanted.numbers('backchannelProviders'),
    openInNewTab: wanted.flag('openInNewTab'),
    policyEngineMode: wanted.choice('policyEngineMode'),
    ...(wanted.properties.metaHide === undefined ? {} : { metaHide: wanted.flag('metaHide') }),
    ...wanted.given('group'),
    ...wanted.given('metaLaunchUrl'),
    ...wanted.given('metaIcon'),
    ...wanted.given('metaDescription'),
    ...wanted.given('metaPublisher'),
  }),
  create: (api, applicationRequest) => api.core.coreApplicationsCreate({ applicationRequest }),
  read: (api, slug) => api.core.coreApplicationsRetrieve({ slug }),
  update: (api, slug, applicationRequest) => api.core.coreApplicationsUpdate({ slug, applicationRequest }),
  delete: (api, slug) => api.core.coreApplicationsDestroy({ slug }),
  id: ({ slug }) => slug,
  state: (entity, prior) => ({
    uuid: entity.pk,
    name: entity.name,
    slug: entity.slug,
    group: entity.group,
    protocolProvider: entity.provider,
    backchannelProviders: inOrderOf(prior.numbers('backchannelProviders'), entity.backchannelProviders),
    openInNewTab: entity.openInNewTab,
    metaLaunchUrl: entity.metaLaunchUrl,
    metaIcon: entity.metaIcon,
    metaDescription: entity.metaDescription,
    metaHide: entity.metaHide,
    metaPublisher: entity.metaPublisher,
    policyEngineMode: entity.policyEngineMode,
  }),
  find: async (api, wanted) =>
    (await orMissing(api.core.coreApplicationsRetrieve({ slug: wanted.text('slug') })))?.slug,
})

import type { Flow, FlowRequest } from '@goauthentik/api/dist/esm/index.js'
import { orMissing } from '../api.ts'
import { kind } from '../kind.ts'

export const flow = kind<FlowRequest, Flow>({
  defaults: {
    authentication: 'none',
    compatibilityMode: true,
    deniedAction: 'message_continue',
    layout: 'stacked',
    policyEngineMode: 'any',
  },
  request: (wanted) => ({
    name: wanted.text('name'),
    slug: wanted.text('slug'),
    title: wanted.text('title'),
    designation: wanted.choice('designation'),
    authentication: wanted.choice('authentication'),
    compatibilityMode: wanted.flag('compatibilityMode'),
    deniedAction: wanted.choice('deniedAction'),
    layout: wanted.choice('layout'),
    policyEngineMode: wanted.choice('policyEngineMode'),
    ...wanted.given('background'),
  }),
  create: (api, flowRequest) => api.flows.flowsInstancesCreate({ flowRequest }),
  read: (api, slug) => api.flows.flowsInstancesRetrieve({ slug }),
  update: (api, slug, flowRequest) => api.flows.flowsInstancesUpdate({ slug, flowRequest }),
  delete: (api, slug) => api.flows.flowsInstancesDestroy({ slug }),
  id: ({ slug }) => slug,
  state: (entity) => ({
    uuid: entity.pk,
    name: entity.name,
    slug: entity.slug,
    title: entity.title,
    designation: entity.designation,
    authentication: entity.authentication,
    background: entity.background,
    compatibilityMode: entity.compatibilityMode,
    deniedAction: entity.deniedAction,
    layout: entity.layout,
    policyEngineMode: entity.policyEngineMode,
  }),
  find: async (api, wanted) => (await orMissing(api.flows.flowsInstancesRetrieve({ slug: wanted.text('slug') })))?.slug,
})

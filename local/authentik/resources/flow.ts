import { randomUUID } from 'node:crypto'
import { resource } from '../resource.ts'
import type { Flow } from '../rows.ts'
import type { Store } from '../store.ts'

/** The flows that every authentik has from the start and that providers and sources refer to. */
const PRESET: readonly Omit<Flow, 'pk' | 'policybindingmodel_ptr_id'>[] = [
  {
    name: 'Authorize Application',
    slug: 'default-provider-authorization-implicit-consent',
    title: 'Redirecting to %(app)s',
    designation: 'authorization',
    authentication: 'require_authenticated',
  },
  {
    name: 'Authorize Application',
    slug: 'default-provider-authorization-explicit-consent',
    title: 'Redirecting to %(app)s',
    designation: 'authorization',
    authentication: 'require_authenticated',
  },
  {
    name: 'Logged out of application',
    slug: 'default-provider-invalidation-flow',
    title: "You've logged out of %(app)s.",
    designation: 'invalidation',
    authentication: 'none',
  },
  {
    name: 'Welcome to authentik!',
    slug: 'default-authentication-flow',
    title: 'Welcome to authentik!',
    designation: 'authentication',
    authentication: 'none',
  },
  {
    name: 'Welcome to authentik!',
    slug: 'default-source-authentication',
    title: 'Welcome to authentik!',
    designation: 'authentication',
    authentication: 'require_unauthenticated',
  },
  {
    name: 'Welcome to authentik! Please select a username.',
    slug: 'default-source-enrollment',
    title: 'Welcome to authentik! Please select a username.',
    designation: 'enrollment',
    authentication: 'none',
  },
]

/** Puts the preset flows into a database that does not have them yet. */
export function presetFlows(store: Store): void {
  for (const flow of PRESET) {
    if (store.find('flows', ({ slug }) => slug === flow.slug)) continue
    store.insert('flows', { pk: randomUUID(), policybindingmodel_ptr_id: randomUUID(), ...flow })
  }
}

export const flows = resource<'flows'>({
  kind: 'flows',
  path: 'flows/instances',
  lookup: 'slug',
  model: 'Flow',
  label: 'Flow',
  methods: ['GET'],
  present: (flow) => ({
    ...flow,
    background: '',
    background_url: '/static/dist/assets/images/flow_background.jpg',
    background_themed_urls: null,
    stages: [],
    policies: [],
    cache_count: 0,
    policy_engine_mode: 'any',
    compatibility_mode: false,
    export_url: `/api/v3/flows/instances/${flow.slug}/export/`,
    layout: 'stacked',
    denied_action: 'message_continue',
  }),
})

/** All keys of the stack: those with which authentik signs registry tokens and sessions, and those before them. */
import * as pulumi from '@pulumi/pulumi'
import { jwks, withCertificate } from './jwks.ts'
import { FORMER_PAIR, pairName } from './key-history.ts'
import { keyMessages } from './key-messages.ts'
import { type KeyHistory, type KeyPlan, keyOf, planKeys } from './key-plan.ts'
import { REGISTRY_NAME, SESSION_NAME } from './names.ts'
import { SigningKey } from './signing-key.ts'

export interface SigningKeysArgs {
  keyGeneration: number
  sessionKeyGeneration: number
  revokeKeys: boolean
  /** Life of a registry token. A session opens nothing at the registry that a login would not check again. */
  tokenLifetimeMinutes: number
  /** 0: there are no sessions. */
  sessionHours: number
  deleteImages: boolean
  histories: { readonly registry: KeyHistory; readonly sessions: KeyHistory }
}

/** The keys of one provider. */
export interface ProviderKeys {
  readonly plan: KeyPlan
  /** For `signingKey` of the provider. */
  readonly pairId: pulumi.Output<string>
}

export interface SigningKeys {
  readonly registry: ProviderKeys
  readonly sessions: ProviderKeys
  /** What the registry trusts: certificates in PEM, and the key set as JSON. */
  readonly certificates: pulumi.Output<string>
  readonly jwks: pulumi.Output<string>
  /** The same key set with the certificates: the token service tells how old the keys are. */
  readonly datedJwks: pulumi.Output<string>
}

/** Makes them, and says by the engine what a change of keys means for jobs. */
export function makeSigningKeys(args: SigningKeysArgs, nowMs = Date.now()): SigningKeys {
  const common = { revoke: args.revokeKeys, tokenMs: args.tokenLifetimeMinutes * 60_000, nowMs }
  const plans = {
    registry: planKeys(args.histories.registry, { ...common, generation: args.keyGeneration }),
    sessions: planKeys(args.histories.sessions, { ...common, generation: args.sessionKeyGeneration }),
  }
  const hasSessions = args.sessionHours > 0
  for (const { level, text } of keyMessages(
    { ...plans, sessions: hasSessions ? plans.sessions : undefined },
    args.revokeKeys,
  ))
    void pulumi.log[level](text)

  const trusted: SigningKey[] = []
  const make = (application: string, plan: KeyPlan, isMissed: boolean): ProviderKeys => {
    const key = (label: string, protect: boolean) => {
      const aliases = label === keyOf(1) && application === SESSION_NAME ? [{ name: FORMER_PAIR }] : []
      return new SigningKey(pairName(application, label), { protect }, { aliases })
    }
    const current = key(plan.current, isMissed && plan.inUse && !args.deleteImages)
    trusted.push(current)
    for (const label of plan.older) {
      const older = key(label, false)
      if (plan.trusted.includes(label)) trusted.push(older)
    }
    return { plan, pairId: current.pairId }
  }
  const registry = make(REGISTRY_NAME, plans.registry, true)
  const sessions = make(SESSION_NAME, plans.sessions, hasSessions)
  return {
    registry,
    sessions,
    certificates: pulumi.all(trusted.map(({ certificate }) => certificate)).apply((pems) => pems.join('')),
    jwks: pulumi.all(trusted.map(({ jwk }) => jwk)).apply(jwks),
    datedJwks: pulumi
      .all(trusted.map(({ jwk, certificate }) => pulumi.all([jwk, certificate])))
      .apply((keys) => jwks(keys.map(([jwk, certificate]) => withCertificate(jwk, certificate)))),
  }
}

/**
 * The engine's ResourceProvider service in front of a `Provider`. `@pulumi/pulumi/provider` has such a server too, but
 * it passes on neither previews, nor resource names, nor detailed differences, nor time-outs.
 */
import type grpc from '@grpc/grpc-js'
import plugin from '@pulumi/pulumi/proto/plugin_pb.js'
import service from '@pulumi/pulumi/proto/provider_grpc_pb.js'
import type * as messages from '@pulumi/pulumi/proto/provider_pb.js'
import rpc from '@pulumi/pulumi/proto/provider_pb.js'
import empty from 'google-protobuf/google/protobuf/empty_pb.js'
import { changedLeaves, type PropertyChange } from './diff.ts'
import type { Diff, DiffCall, Failure, Provider } from './provider.ts'
import { type PluginService, serve, unary } from './serve.ts'
import { fromStruct, toStruct } from './values.ts'

/** Starts the plugin. */
export const serveProvider = (provider: Provider): Promise<void> => serve(resourceProvider(provider))

function resourceProvider(provider: Provider): PluginService {
  const implementation: grpc.UntypedServiceImplementation = {
    handshake: unary(() => new rpc.ProviderHandshakeResponse()),
    parameterize: unary(() => parameterized(provider)),
    getSchema: unary(() => new rpc.GetSchemaResponse().setSchema(provider.schema?.() ?? '{}')),
    checkConfig: unary((call: messages.CheckRequest) => {
      const config = fromStruct(call.getNews())
      return checked(config, provider.checkConfig?.(config))
    }),
    diffConfig: unary((call: messages.DiffRequest) => diffed(configDiff(call))),
    configure: unary(async (call: messages.ConfigureRequest) => {
      await provider.configure(fromStruct(call.getArgs()))
      return new rpc.ConfigureResponse().setSupportspreview(true)
    }),
    check: unary(async (call: messages.CheckRequest) => {
      const { inputs, failures } = await provider.check({
        ...subject(call),
        olds: fromStruct(call.getOlds()),
        news: fromStruct(call.getNews()),
        randomSeed: call.getRandomseed_asU8(),
      })
      return checked(inputs, failures)
    }),
    diff: unary(async (call: messages.DiffRequest) => diffed(await provider.diff(diffCall(call)))),
    create: unary(async (call: messages.CreateRequest) => {
      const inputs = fromStruct(call.getProperties())
      const made = await provider.create({
        ...subject(call),
        inputs,
        preview: call.getPreview(),
      })
      return new rpc.CreateResponse().setId(made.id).setProperties(toStruct(made.state))
    }),
    read: unary(async (call: messages.ReadRequest) => {
      const found = await provider.read({
        ...subject(call),
        id: call.getId(),
        oldState: fromStruct(call.getProperties()),
        oldInputs: fromStruct(call.getInputs()),
      })
      if (!found) return new rpc.ReadResponse()
      return new rpc.ReadResponse()
        .setId(found.id)
        .setProperties(toStruct(found.state))
        .setInputs(toStruct(found.inputs))
    }),
    update: unary(async (call: messages.UpdateRequest) => {
      const state = await provider.update({ ...diffCall(call), preview: call.getPreview() })
      return new rpc.UpdateResponse().setProperties(toStruct(state))
    }),
    delete: unary(async (call: messages.DeleteRequest) => {
      const state = fromStruct(call.getProperties())
      await provider.delete({ ...subject(call), id: call.getId(), state })
      return new empty.Empty()
    }),
    getPluginInfo: unary(() => new plugin.PluginInfo().setVersion(provider.version)),
    cancel: unary(() => new empty.Empty()),
  }
  // grpc-js types every method of a service as needed; it answers "unimplemented" for those that are missing.
  return { definition: service.ResourceProviderService as unknown as grpc.ServiceDefinition, implementation }
}

const subject = (call: { getUrn(): string; getType(): string; getName(): string }) => ({
  type: call.getType(),
  name: call.getName(),
  urn: call.getUrn(),
})

const diffCall = (call: messages.DiffRequest | messages.UpdateRequest): DiffCall => ({
  ...subject(call),
  id: call.getId(),
  oldInputs: fromStruct(call.getOldInputs()),
  oldState: fromStruct(call.getOlds()),
  news: fromStruct(call.getNews()),
  ignoreChanges: call.getIgnorechangesList(),
})

function parameterized(provider: Provider): messages.ParameterizeResponse {
  if (!provider.parameterize) throw new Error('this provider takes no parameters')
  const { name, version } = provider.parameterize()
  return new rpc.ParameterizeResponse().setName(name).setVersion(version)
}

function checked(inputs: Parameters<typeof toStruct>[0], failures: readonly Failure[] = []): messages.CheckResponse {
  const response = new rpc.CheckResponse().setInputs(toStruct(inputs))
  for (const { property, reason } of failures) {
    response.addFailures(new rpc.CheckFailure().setProperty(property).setReason(reason))
  }
  return response
}

/** No setting of a provider makes new objects, as with the official bridge: a mistyped URL must not delete anything. */
function configDiff(call: messages.DiffRequest): Diff {
  const changes = changedLeaves(fromStruct(call.getOlds()), fromStruct(call.getNews()))
  return { changes: changes.map((change) => ({ ...change, replace: false })) }
}

const { Kind } = rpc.PropertyDiff
const KINDS = {
  add: [Kind.ADD, Kind.ADD_REPLACE],
  update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
  delete: [Kind.DELETE, Kind.DELETE_REPLACE],
} as const

const topLevel = (path: string): string => path.split(/[.[]/, 1)[0] ?? path

function diffed({ changes }: Diff): messages.DiffResponse {
  const { DIFF_NONE, DIFF_SOME } = rpc.DiffResponse.DiffChanges
  const response = new rpc.DiffResponse()
    .setChanges(changes.length > 0 ? DIFF_SOME : DIFF_NONE)
    .setHasdetaileddiff(true)
    .setDiffsList([...new Set(changes.map(({ path }) => topLevel(path)))])
    .setReplacesList([...new Set(changes.filter(({ replace }) => replace).map(({ path }) => topLevel(path)))])
  for (const { path, kind, replace } of changes satisfies readonly PropertyChange[]) {
    response
      .getDetaileddiffMap()
      .set(path, new rpc.PropertyDiff().setKind(KINDS[kind][replace ? 1 : 0]).setInputdiff(true))
  }
  return response
}

/**
 * Stands in for Pulumi's Node language host: the engine's LanguageRuntime service as far as running a program needs.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type grpc from '@grpc/grpc-js'
import service from '@pulumi/pulumi/proto/language_grpc_pb.js'
import type * as messages from '@pulumi/pulumi/proto/language_pb.js'
import rpc from '@pulumi/pulumi/proto/language_pb.js'
import plugin from '@pulumi/pulumi/proto/plugin_pb.js'
import empty from 'google-protobuf/google/protobuf/empty_pb.js'
import { type PluginService, unary } from '../engine/serve.ts'
import { fromStruct } from '../engine/values.ts'
import { type RequiredPackage, requiredPackages } from './packages.ts'
import { outcomeOf, type Program, startPolicyPack, startProgram } from './program.ts'

/** The service, for the engine that listens at `engineAddress`. */
export function languageRuntime(engineAddress: string | undefined): PluginService {
  const children = new Set<ChildProcess>()
  const endChildren = () => {
    for (const child of children) child.kill('SIGTERM')
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      endChildren()
      process.exit(0)
    })
  }

  async function run(call: messages.RunRequest): Promise<messages.RunResponse> {
    const child = startProgram(programOf(call, engineAddress))
    children.add(child)
    try {
      const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
      const { error, bail } = outcomeOf(code, signal)
      return new rpc.RunResponse().setError(error).setBail(bail)
    } finally {
      children.delete(child)
    }
  }

  function runPlugin(call: grpc.ServerWritableStream<messages.RunPluginRequest, messages.RunPluginResponse>): void {
    const { request } = call
    if (request.getKind() !== 'analyzer') {
      call.destroy(new Error(`the stand-in runs packs of policies, and not a plugin of kind "${request.getKind()}"`))
      return
    }
    const child = startPolicyPack({
      directory: request.getInfo()?.getProgramDirectory() ?? request.getProgram(),
      args: request.getArgsList(),
      pwd: request.getPwd(),
      env: request.getEnvList(),
    })
    children.add(child)
    // The engine cancels the call when it no longer needs the policies.
    call.on('cancelled', () => child.kill('SIGTERM'))
    child.stdout?.on('data', (chunk: Buffer) => call.write(new rpc.RunPluginResponse().setStdout(chunk)))
    child.stderr?.on('data', (chunk: Buffer) => call.write(new rpc.RunPluginResponse().setStderr(chunk)))
    child.once('error', (error) => call.destroy(error))
    child.once('close', (code) => {
      children.delete(child)
      call.write(new rpc.RunPluginResponse().setExitcode(code ?? 1))
      call.end()
    })
  }

  const implementation: grpc.UntypedServiceImplementation = {
    handshake: unary(() => new rpc.LanguageHandshakeResponse()),
    getPluginInfo: unary(() => new plugin.PluginInfo().setVersion('')),
    getRequiredPackages: unary((call: messages.GetRequiredPackagesRequest) =>
      new rpc.GetRequiredPackagesResponse().setPackagesList(
        requiredPackages(call.getInfo()?.getProgramDirectory() ?? '.').map(packageDependency),
      ),
    ),
    about: unary(() => new rpc.AboutResponse().setExecutable(process.execPath).setVersion(process.version)),
    run: unary(run),
    runPlugin,
    cancel: unary(() => {
      endChildren()
      return new empty.Empty()
    }),
  }
  return { definition: service.LanguageRuntimeService as unknown as grpc.ServiceDefinition, implementation }
}

function programOf(call: messages.RunRequest, engineAddress: string | undefined): Program {
  const info = call.getInfo()
  return {
    rootDirectory: info?.getRootDirectory() ?? '.',
    programDirectory: info?.getProgramDirectory() ?? call.getPwd(),
    entryPoint: info?.getEntryPoint() ?? '.',
    options: fromStruct(info?.getOptions()),
    args: call.getArgsList(),
    organization: call.getOrganization(),
    project: call.getProject(),
    stack: call.getStack(),
    dryRun: call.getDryrun(),
    parallel: call.getParallel(),
    monitorAddress: call.getMonitorAddress(),
    engineAddress,
    config: Object.fromEntries(call.getConfigMap().toObject()),
    configSecretKeys: call.getConfigsecretkeysList(),
  }
}

function packageDependency({ name, version, server, parameterization }: RequiredPackage) {
  const dependency = new plugin.PackageDependency()
    .setName(name)
    .setKind('resource')
    .setVersion(version)
    .setServer(server)
  if (!parameterization) return dependency
  return dependency.setParameterization(
    new plugin.PackageParameterization()
      .setName(parameterization.name)
      .setVersion(parameterization.version)
      .setValue(parameterization.value),
  )
}

/** Runs the plugin that the first argument names, as the engine calls it; the engine's own arguments follow. */

import { serveProvider } from './engine/resource-provider.ts'
import { serve } from './engine/serve.ts'

// Each loads only its own libraries: the engine starts all of them in every run.
const plugins: Record<string, (engineAddress: string | undefined) => Promise<void>> = {
  'pulumi-language-nodejs': async (engineAddress) =>
    serve((await import('./language/runtime.ts')).languageRuntime(engineAddress)),
  'pulumi-resource-terraform-provider': async () =>
    serveProvider(new (await import('./authentik/provider.ts')).AuthentikProvider()),
  'pulumi-resource-tls': async () => serveProvider(new (await import('./tls/provider.ts')).TlsProvider()),
}

const [name = ''] = process.argv.splice(2, 1)
const plugin = plugins[name]
if (!plugin) throw new Error(`expected one of ${Object.keys(plugins).join(', ')}, got "${name}"`)
await plugin(process.argv[2])

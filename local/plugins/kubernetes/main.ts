import { serveProvider } from '../engine/resource-provider.ts'
import { KubernetesProvider } from './provider.ts'

await serveProvider(new KubernetesProvider())

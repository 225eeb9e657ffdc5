import { serveProvider } from '../engine/resource-provider.ts'
import { TlsProvider } from './provider.ts'

await serveProvider(new TlsProvider())

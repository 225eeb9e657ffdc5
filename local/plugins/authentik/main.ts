import { serveProvider } from '../engine/resource-provider.ts'
import { AuthentikProvider } from './provider.ts'

await serveProvider(new AuthentikProvider())

import { serve } from '../engine/serve.ts'
import { languageRuntime } from './runtime.ts'

await serve(languageRuntime(process.argv[2]))

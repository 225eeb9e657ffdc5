/** What the engine runs: the program in index.ts, on a Node.js that reads TypeScript by itself. */
import './node-version.js'

export default async () => ({ ...(await import('./index.ts')) })

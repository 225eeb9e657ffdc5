/** `npm run adopt`: arguments in; what was found, what was done and an exit status out. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type AuthentikAccess, AuthentikProblem, authentikApi } from '../infra/authentik/api.ts'
import { surprises } from './after.ts'
import { importFile } from './import-file.ts'
import { type Preview, parsePreview } from './preview.ts'
import { report } from './report.ts'
import { type Adoptable, search } from './search.ts'

export const adoptHelp = `Takes objects that authentik has already into a stack's state, where the program would make them.

  npm run adopt -- --stack prod          prints what would be adopted, overwritten and left
  npm run adopt -- --stack prod --yes    adopts it: changes the stack's state, and nothing in authentik

  --stack NAME    the stack, as Pulumi knows it
  --yes           adopts what is printed
  --help          prints this

Exit status: 0 nothing is left to do by hand, 1 something is, 2 it could not be looked at.
`

export interface PulumiResult {
  readonly exitCode: number
  readonly stdout: string
}

export interface AdoptWorld {
  /** Runs \`pulumi\` with these arguments; what it prints on standard error goes to the person. */
  readonly pulumi: (args: readonly string[]) => Promise<PulumiResult>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly print: (text: string) => void
}

class Stopped extends Error {}

/** @returns the exit status */
export async function runAdopt(args: readonly string[], world: AdoptWorld): Promise<0 | 1 | 2> {
  try {
    const { stack, yes, help } = parse(args)
    if (help) {
      world.print(adoptHelp)
      return 0
    }
    if (stack === undefined) throw new Stopped(`--stack is needed\n\n${adoptHelp}`)
    return await adopt(stack, yes, world)
  } catch (error) {
    if (!(error instanceof Stopped || error instanceof AuthentikProblem)) throw error
    world.print(`${error.message}\n`)
    return 2
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        stack: { type: 'string' },
        yes: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch {
    throw new Stopped(`unknown argument\n\n${adoptHelp}`)
  }
}

async function adopt(stack: string, yes: boolean, world: AdoptWorld): Promise<0 | 1> {
  const api = authentikApi(await accessOf(stack, world))
  const before = await preview(stack, world)
  const found = await search(api, before.steps)
  const isStuck = found.refused.length > 0
  if (found.adoptable.length === 0 && !isStuck) {
    world.print(`Nothing to adopt: authentik has no object that stack ${stack} would make and does not know.\n`)
    return 0
  }
  world.print(`${report(found, before.steps, stack)}\n`)
  if (found.adoptable.length === 0) return 1
  if (!yes) {
    world.print(
      `\nNothing was changed. With --yes they become the stack's, which changes nothing in authentik yet. The next ` +
        '`pulumi up` then overwrites what is named above; `pulumi destroy` would delete them.\n',
    )
    return isStuck ? 1 : 0
  }
  await take(stack, found.adoptable, before, world)
  const unexpected = surprises(found.adoptable, before.steps, (await preview(stack, world)).steps)
  if (unexpected.length > 0) {
    const lines = unexpected.map((sentence) => `  ${sentence}\n`).join('')
    world.print(`\nAdopted. A preview shows more than was announced; look at it before \`pulumi up\`:\n${lines}`)
    return 1
  }
  world.print(
    `\nAdopted ${found.adoptable.length}. A preview shows the changes announced above, and nothing else. Next: ` +
      `\`pulumi preview --diff --stack ${stack}\`, then \`pulumi up\`.\n`,
  )
  return isStuck ? 1 : 0
}

async function preview(stack: string, { pulumi }: AdoptWorld): Promise<Preview> {
  const { exitCode, stdout } = await pulumi(['preview', '--json', '--stack', stack])
  const read = parsed(stdout)
  if (exitCode === 0 && read !== undefined) return read
  const said = read?.errors.join('\n') || 'it says why above'
  throw new Stopped(`\`pulumi preview --stack ${stack}\` fails, so it is not known what the stack would make: ${said}`)
}

function parsed(json: string): Preview | undefined {
  try {
    return parsePreview(json)
  } catch {
    return undefined
  }
}

async function take(stack: string, adoptable: readonly Adoptable[], { steps }: Preview, { pulumi }: AdoptWorld) {
  const folder = await mkdtemp(join(tmpdir(), 'adopt-'))
  try {
    const file = join(folder, 'import.json')
    await writeFile(file, JSON.stringify(importFile(adoptable, steps)))
    const options = ['--yes', '--skip-preview', '--protect=false', '--generate-code=false']
    const { exitCode } = await pulumi(['import', '--file', file, ...options, '--stack', stack])
    if (exitCode === 0) return
    throw new Stopped(
      '`pulumi import` did not end well; it says why above. What it took is in the stack; run this command again for the rest.',
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** As the provider finds them: the stack's configuration, else the environment. */
async function accessOf(stack: string, { pulumi, env }: AdoptWorld): Promise<AuthentikAccess> {
  const { exitCode, stdout } = await pulumi(['config', '--show-secrets', '--json', '--stack', stack])
  if (exitCode !== 0) throw new Stopped(`Pulumi does not show the configuration of stack ${stack}; it says why above.`)
  const config = JSON.parse(stdout) as Record<
    string,
    { value?: string; objectValue?: Record<string, string> } | undefined
  >
  const headers = config['authentik:headers']
  return {
    url: config['authentik:url']?.value || (env.AUTHENTIK_URL ?? ''),
    token: config['authentik:token']?.value || (env.AUTHENTIK_TOKEN ?? ''),
    insecure: ['true', '1'].includes(config['authentik:insecure']?.value ?? env.AUTHENTIK_INSECURE ?? ''),
    ...(headers && { headers: headers.objectValue ?? JSON.parse(headers.value ?? '{}') }),
  }
}

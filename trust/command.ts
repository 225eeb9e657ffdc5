/**
 * What the commands about trust share: arguments in, text and exit status out, and how each reports what it cannot
 * read.
 */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { quote } from './decision/quote.ts'

export interface CommandResult {
  /** 0 for yes, 1 for no, 2 where the question was wrong; that text belongs on standard error. */
  readonly exitCode: 0 | 1 | 2
  readonly text: string
}

/** The question cannot be answered as it was put; the message says what to write instead. */
export class WrongQuestion extends Error {}

/** @returns what to print for a question that was wrong. @throws every other error again */
export function wrongQuestion(error: unknown): CommandResult {
  if (error instanceof WrongQuestion) return { exitCode: 2, text: `${error.message}\n` }
  throw error
}

/**
 * @param canQuote whether the answer may quote an argument: not where it may be a token, pasted without its option
 * @throws WrongQuestion with the help, for an argument that is not one of the options, or lacks its value
 */
export function readOptions<Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
  help: string,
  canQuote = false,
) {
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    const quoting = canQuote && error instanceof Error ? error.message : undefined
    throw new WrongQuestion(`${quoting ?? 'unknown argument, or an option without its value'}\n\n${help}`)
  }
}

/** Where a command reads its files. Paths are as the user wrote them. */
export interface Files {
  readonly readFile: (path: string) => string
  readonly readStandardInput: () => string
}

/** The text of a file; `-` is standard input. @throws WrongQuestion if it cannot be read */
export function readText(path: string, files: Files): string {
  try {
    return path === '-' ? files.readStandardInput() : files.readFile(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : ''
    // A token given in place of a file would be quoted in the error of the file system.
    const name = path.length <= 100 ? path : 'a file of that name; --token takes a file, or - for standard input'
    throw new WrongQuestion(`cannot read ${name}${code}`)
  }
}

/** The texts of Pulumi.yaml and of a stack's own file. @throws WrongQuestion, also for a name that leads elsewhere */
export function readStackFiles(name: string, files: Files): [project: string, stack: string] {
  if (!/^[\w.-]{1,100}$/.test(name))
    throw new WrongQuestion(`${quote(name)} is not the name of a stack; for example: --stack local`)
  return [readText('Pulumi.yaml', files), readText(`stacks/Pulumi.${name}.yaml`, files)]
}

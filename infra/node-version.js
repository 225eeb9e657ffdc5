/**
 * Stops the program on a Node.js that is too old for it, in one sentence. It is JavaScript, and main.js imports it first,
 * as such a Node.js cannot read the TypeScript of the others.
 */
import * as pulumi from '@pulumi/pulumi'
import project from '../package.json' with { type: 'json' }

/**
 * The message for a Node.js older than `wanted`, such as `>=22.19.0`; undefined if it is new enough.
 *
 * @param {string} version
 * @param {string} wanted
 * @returns {string | undefined}
 */
export function tooOld(version, wanted) {
  const [have, need] = [parts(version), parts(wanted)]
  const different = need.findIndex((part, index) => (have[index] ?? 0) !== part)
  if (different === -1 || (have[different] ?? 0) > (need[different] ?? 0)) return undefined
  return (
    `This program needs Node.js ${need.join('.')} or newer; the \`node\` on your PATH is ${version}. ` +
    'Install a newer one (https://nodejs.org/en/download) and run the command again; nothing was changed.'
  )
}

/** @param {string} version */
const parts = (version) => (version.match(/\d+/g) ?? []).map(Number)

const problem = tooOld(process.versions.node, project.engines.node)
if (problem !== undefined) throw new pulumi.RunError(problem)

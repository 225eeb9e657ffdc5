import { describe, expect, it } from 'vitest'
import project from '../package.json' with { type: 'json' }
import { tooOld } from './node-version.js'

describe('tooOld', () => {
  it.each(['22.19.0', '22.19.1', '22.20.0', '23.0.0', '24.0.0', '100.0.0'])('takes Node.js %s', (version) => {
    expect(tooOld(version, '>=22.19.0')).toBeUndefined()
  })

  it.each(['8.17.0', '18.20.8', '20.20.2', '21.99.99', '22.9.0', '22.18.9'])('refuses Node.js %s', (version) => {
    expect(tooOld(version, '>=22.19.0')).toMatch(
      new RegExp(
        `^This program needs Node\\.js 22\\.19\\.0 or newer; the \`node\` on your PATH is ${version}\\. Install`,
      ),
    )
  })
})

it('asks for no more than package.json tells npm', () => {
  expect(project.engines.node).toMatch(/^>=\d+\.\d+\.\d+$/)
  expect(tooOld(process.versions.node, project.engines.node)).toBeUndefined()
})

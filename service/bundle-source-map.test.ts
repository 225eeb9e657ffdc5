import { SourceMap } from 'node:module'
import { encode } from '@jridgewell/sourcemap-codec'
import { expect, it } from 'vitest'
import { withoutLibraries } from './bundle-source-map.ts'

it('leaves our files and names, and says of a library’s code that it has no source', () => {
  const map = withoutLibraries(
    JSON.stringify({
      version: 3,
      sources: ['node_modules/a/index.js', 'service/main.ts', 'node_modules/b/index.js', 'trust/decision/glob.ts'],
      sourcesContent: ['a', 'ours', 'b', 'ours'],
      names: ['of_a_library', 'createToken'],
      mappings: encode([
        [
          [0, 0, 0, 0, 0],
          [10, 1, 4, 2, 1],
          [20, 2, 7, 0],
          [30, 2, 8, 0],
        ],
        [[5, 2, 9, 0]],
        [[0, 3, 1, 6]],
      ]),
    }),
  )
  expect(JSON.parse(map)).toEqual({
    version: 3,
    sources: ['service/main.ts', 'trust/decision/glob.ts'],
    names: ['createToken'],
    mappings: encode([[[10, 0, 4, 2, 0], [20]], [], [[0, 1, 1, 6]]]),
  })
  // As Node itself reads it.
  const read = new SourceMap(JSON.parse(map))
  expect(read.findEntry(0, 12)).toMatchObject({ originalSource: 'service/main.ts', originalLine: 4 })
  expect(read.findEntry(1, 8)).not.toHaveProperty('originalSource', expect.any(String))
  expect(read.findEntry(2, 3)).toMatchObject({ originalSource: 'trust/decision/glob.ts', originalLine: 1 })
})

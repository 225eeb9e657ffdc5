import { expect, it } from 'vitest'
import { parseDepends } from './debian.ts'

it('reads what packages need: the first of each choice, nothing virtual', () => {
  const output = `python3.11-minimal
  PreDepends: libc6
  Depends: libpython3.11-minimal
libpython3.11-stdlib
 |Depends: media-types
  Depends: mime-support
  Depends: libc6
python3-jwt
  Depends: <python3:any>
    python3
`
  expect(parseDepends(output)).toEqual(['libc6', 'libpython3.11-minimal', 'media-types'])
})

it('skips all further alternatives of a choice', () => {
  expect(parseDepends(' |Depends: a\n |Depends: b\n  Depends: c\n  Depends: d\n')).toEqual(['a', 'd'])
})

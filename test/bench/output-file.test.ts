import { mkdtempSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createOutputFile } from './output-file.ts'

const MiB = 1024 * 1024

test('an output file gives whole lines, once, and does not grow without end', () => {
  const dir = mkdtempSync(join(tmpdir(), 'output-file-'))
  const path = join(dir, 'output')
  const file = createOutputFile(path)
  const write = (text: string) => writeSync(file.fd, text)
  try {
    write('one\ntwo\nthr')
    expect(file.newLines().toString()).toBe('one\ntwo\n')
    write('ee\n')
    expect(file.newLines().toString()).toBe('three\n')
    expect(file.newLines().toString()).toBe('')
    write(`${'x'.repeat(33 * MiB)}\nfo`)
    expect(file.newLines().length).toBe(33 * MiB + 1)
    expect(statSync(path).size).toBe(0)
    write('ur\n')
    expect(file.newLines().toString()).toBe('four\n')
  } finally {
    file.close()
    rmSync(dir, { recursive: true })
  }
})

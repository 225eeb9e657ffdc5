import { homedir } from 'node:os'
import { dirname } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { bundleService } from './bundle.ts'

/** Bytes: a ConfigMap holds 1 MiB, base64 and other keys included. */
const BUNDLE_BYTES = 900_000

describe('bundleService', () => {
  let bundle: string
  beforeAll(async () => {
    bundle = await bundleService()
  })

  it('fits a ConfigMap', () => {
    expect(Buffer.byteLength(bundle)).toBeLessThan(BUNDLE_BYTES)
  })

  it('gives the same text from whatever folder it is called', async () => {
    const here = process.cwd()
    process.chdir('/')
    try {
      expect((await bundleService()) === bundle).toBe(true)
    } finally {
      process.chdir(here)
    }
  })

  it('holds no path of the machine that made it', () => {
    for (const path of [process.cwd(), dirname(process.cwd()), homedir()]) {
      expect(bundle.includes(`${path}/`)).toBe(false)
    }
  })

  it('imports nothing but what Node brings', () => {
    const imported = [...bundle.matchAll(/^import .* from "([^"]+)"/gm)].map(([, name]) => name)
    expect(imported.length).toBeGreaterThan(3)
    for (const name of imported) expect(name).toMatch(/^node:/)
  })
})

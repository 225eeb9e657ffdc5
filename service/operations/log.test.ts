import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Secret } from '../secret.ts'
import { createLog, describeError, type Log } from './log.ts'

function written(writeTo: (log: Log) => void): string {
  const lines: string[] = []
  writeTo(createLog('trace', { write: (line) => void lines.push(line) }))
  return lines.join('')
}

describe('createLog', () => {
  it('blanks what goes by the name of a secret, also one level down', () => {
    const output = written((log) => {
      log.info({ password: 'hunter2', form: { client_assertion: 'hunter2' }, request: { headers: { a: 'hunter2' } } })
    })
    expect(output).toContain('[secret]')
    expect(output).not.toContain('hunter2')
  })

  it('writes nothing of an error but its kind, its code and where it was', () => {
    const error = Object.assign(new SyntaxError('Unexpected token in "hunter2"'), {
      code: 'EBAD',
      rawPacket: 'hunter2',
    })
    const outputs = [
      written((log) => log.error({ err: error })),
      written((log) => log.error({ err: error }, 'no good')),
    ]
    for (const output of [...outputs, written((log) => log.error(error))]) {
      expect(JSON.parse(output)).toMatchObject({ err: { type: 'SyntaxError', code: 'EBAD', at: expect.any(Array) } })
      expect(output).not.toContain('hunter2')
    }
    expect(JSON.parse(outputs[1] ?? '')).toMatchObject({ msg: 'no good' })
  })

  it('writes the level as a word and the time as a date', () => {
    expect(JSON.parse(written((log) => log.warn('careful')))).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      msg: 'careful',
    })
  })
})

describe('describeError', () => {
  it('copes with what is no error', () => {
    expect(describeError('hunter2')).toEqual({ type: 'string' })
    expect(describeError(undefined)).toEqual({ type: 'undefined' })
  })
})

describe('Secret', () => {
  it('shows itself to nobody who does not ask', () => {
    const secret = new Secret('hunter2')
    expect(secret.reveal()).toBe('hunter2')
    const shown = [`${secret}`, JSON.stringify({ secret }), inspect({ secret }), inspect(secret, { showHidden: true })]
    for (const text of [...shown, ...Object.values(secret), JSON.stringify(structuredClone({ ...secret }))]) {
      expect(text).not.toContain('hunter2')
    }
  })
})

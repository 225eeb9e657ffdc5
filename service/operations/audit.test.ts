import { describe, expect, it } from 'vitest'
import { type Audit, auditFields, createAudit, type Decision } from './audit.ts'

const whole: Required<Omit<Decision, 'prepared'>> = {
  authentikId: 'a',
  requestId: '2f1c',
  clientAddress: '203.0.113.9',
  userAgent: 'docker/28.0',
  outcome: 'granted',
  revocation: true,
  reason: 'push_refused',
  credential: 'ci_token',
  verified: true,
  source: 'github',
  subject: 'acme/app',
  ref: 'refs/heads/main',
  run: '4711',
  job: '4712',
  claims: { repository_id: '101' },
  asked: ['repository:acme/app:pull,push'],
  granted: [{ type: 'repository', name: 'acme/app', actions: ['pull', 'push'] }],
  rules: [1, 3],
  tokenSha256: 'a'.repeat(64),
  sessionSha256: 'b'.repeat(64),
  status: 200,
  exchanges: 2,
  durationMs: 12,
  traceId: 'c'.repeat(32),
}

function written(write: (audit: Audit) => void): string {
  const lines: string[] = []
  write(createAudit({ write: (line) => void lines.push(line) }))
  return lines.join('')
}
const lineOf = (decision: Decision) => JSON.parse(written((audit) => audit.write(decision)))

describe('createAudit', () => {
  it('writes one line for a decision, and marks it as one of this log and version', () => {
    const text = written((audit) => audit.write(whole))
    expect(text.indexOf('\n')).toBe(text.length - 1)
    expect(Object.entries(JSON.parse(text)).slice(0, 2)).toEqual([
      ['audit', 1],
      ['time', expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)],
    ])
  })

  it('writes every field, in the order that is promised', () => {
    const line = lineOf(whole)
    expect(Object.keys(line).slice(2)).toEqual(auditFields)
    expect(line).toMatchObject({ ...whole, granted: ['repository:acme/app:pull,push'] })
  })

  it('has a field for everything that a decision knows', () => {
    expect([...auditFields].toSorted()).toEqual(Object.keys(whole).toSorted())
  })

  it('repeats a line for another request, with what that one has of its own', () => {
    const own = {
      requestId: '3a2d',
      clientAddress: '203.0.113.10',
      userAgent: 'crane',
      durationMs: 1,
      traceId: 'd'.repeat(32),
    }
    const { status, outcome, reason, authentikId, ...decision } = whole
    const lines = written((audit) => audit.prepare(decision).write(own))
    expect(JSON.parse(lines)).toMatchObject({ ...decision, ...own, granted: whole.asked, exchanges: 0, status: 200 })
    expect(Object.keys(JSON.parse(lines)).slice(2)).toEqual(expect.arrayContaining(['outcome', 'requestId']))
  })

  it('leaves out what is not known, but says when authentik was not asked', () => {
    const line = lineOf({ requestId: '2f1c', clientAddress: '203.0.113.9', userAgent: '' })
    expect(Object.keys(line)).toEqual(['audit', 'time', 'exchanges', 'requestId', 'clientAddress', 'userAgent'])
    expect(line.exchanges).toBe(0)
  })

  it('keeps the difference between nothing granted and nothing known', () => {
    expect(lineOf({ ...whole, granted: [] }).granted).toEqual([])
  })

  it.each(['subject', 'ref', 'run', 'job', 'userAgent'] as const)('cuts a long %s', (field) => {
    expect(lineOf({ ...whole, [field]: 'x'.repeat(256) })[field]).toBe('x'.repeat(256))
    expect(lineOf({ ...whole, [field]: 'x'.repeat(100_000) })[field]).toBe(`${'x'.repeat(256)}…`)
  })

  it('cuts long lists', () => {
    const asked = Array.from({ length: 100 }, (_, index) => `repository:acme/app-${index}:pull`)
    const granted = asked.map((_, index) => ({ type: 'repository', name: `acme/app-${index}`, actions: ['pull'] }))
    const rules = Array.from({ length: 1_000 }, (_, index) => index)
    expect(lineOf({ ...whole, asked, granted, rules })).toMatchObject({
      asked: asked.slice(0, 20),
      granted: asked.slice(0, 20),
      rules: [0, 1, 2, 3, 4],
    })
  })

  it('stays one line, whatever a client writes', () => {
    const hostile = '"}\n{"audit":1,"outcome":"granted"}\r\n\u2028\u0000'
    const text = written((audit) => audit.write({ ...whole, userAgent: hostile, subject: hostile, ref: hostile }))
    expect(text.trim().split('\n')).toHaveLength(1)
    expect(JSON.parse(text)).toMatchObject({ userAgent: hostile, subject: hostile, ref: hostile, outcome: 'granted' })
  })

  it('writes nothing that it does not know by name', () => {
    const more = { ...whole, password: 'hunter2', token: 'hunter2', headers: { authorization: 'hunter2' } }
    expect(written((audit) => audit.write(more))).not.toContain('hunter2')
  })
})

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createReport } from './report.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function record(isTTY: boolean) {
  const written: string[] = []
  const report = createReport({ isTTY, columns: 40, write: (text) => written.push(text) }, Date.now)
  return { written, report }
}
const lasting = (seconds: number) => () => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000))

test('in a log: a line at the start, one every 30 s, one at the end', async () => {
  const { written, report } = record(false)
  const step = report.step('go build pulumi', lasting(65))
  await vi.advanceTimersByTimeAsync(65_000)
  await step
  await vi.advanceTimersByTimeAsync(60_000)
  expect(written).toEqual([
    'go build pulumi ...\n',
    'go build pulumi ... 30 s\n',
    'go build pulumi ... 60 s\n',
    'go build pulumi: done in 65 s\n',
  ])
})

test('in a terminal: one line rewritten in place, no wider than the terminal', async () => {
  const { written, report } = record(true)
  const steps = [report.step('first', lasting(2)), report.step('second, with quite a long title', lasting(1))]
  await vi.advanceTimersByTimeAsync(2000)
  await Promise.all(steps)
  const rewritten = written.filter((text) => !text.endsWith('\n'))
  expect(Math.max(...rewritten.map((text) => text.length))).toBe(39)
  expect(written).toContain('first ... 1 s')
  expect(written.filter((text) => text.endsWith('\n'))).toEqual([
    'second, with quite a long title: done in 1 s\n',
    'first: done in 2 s\n',
  ])
})

test('a failure is reported and passed on', async () => {
  const { written, report } = record(false)
  await expect(report.step('download', () => Promise.reject(new Error('404')))).rejects.toThrow('404')
  expect(written.at(-1)).toBe('download: failed after 0 s\n')
})

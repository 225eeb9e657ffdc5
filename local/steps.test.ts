import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { step } from './steps.ts'

let written: string
beforeEach(() => {
  written = ''
  vi.useFakeTimers()
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += text
    return true
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const lasting = (seconds: number) => () => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000))

test('a step is one line at its end', async () => {
  const running = step('Node ready', lasting(65))
  await vi.advanceTimersByTimeAsync(65_000)
  await running
  expect(written).toMatch(/^.*✓.* Node ready \(65\.0 s\)\n$/)
})

test('a step that takes minutes shows that it started, and every 30 s that it still runs', async () => {
  const running = step('go build', lasting(65), { takesMinutes: true })
  await vi.advanceTimersByTimeAsync(65_000)
  await running
  await vi.advanceTimersByTimeAsync(60_000)
  expect(written.match(/(?<=go build \()\d+\.0(?= s)/g)).toEqual(['0.0', '30.0', '60.0', '65.0'])
})

test('a failure is shown and passed on', async () => {
  const running = step('download', () => Promise.reject(new Error('404')), { takesMinutes: true })
  await expect(running).rejects.toThrow('404')
  expect(written).toMatch(/✗.* download \(0\.0 s\)\n$/)
})

import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { endProcesses, isRunning, type ProcessRecord, ProcessTable, parseStat, startTimeOf } from './process-table.ts'

function sleeper(script = 'sleep 60'): ProcessRecord {
  const { pid = 0 } = spawn('sh', ['-c', `exec 2>/dev/null; ${script}`], { stdio: 'ignore' })
  return { name: 'sleeper', pid, startTime: startTimeOf(pid) ?? '' }
}

async function newTable(): Promise<{ table: ProcessTable; file: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'process-table-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const file = join(directory, 'run', 'processes.json')
  return { table: new ProcessTable(file), file }
}

describe('parseStat', () => {
  it('is not misled by a command that looks like fields', () => {
    const line = `42 (a) Z 1 (b) S 1 ${Array.from({ length: 17 }, (_, index) => index).join(' ')} 98765 0 0`
    expect(parseStat(line)).toEqual({ state: 'S', startTime: '98765' })
  })

  it('refuses any other line', () => {
    expect(() => parseStat('42 (short) S')).toThrow(/not a line of/)
  })
})

describe('isRunning', () => {
  it('knows this process, and not another one of its id', () => {
    const record = { name: 'test', pid: process.pid, startTime: startTimeOf(process.pid) ?? '' }
    expect(isRunning(record)).toBe(true)
    expect(isRunning({ ...record, startTime: '1' })).toBe(false)
  })
})

describe('endProcesses', () => {
  it('ends a process that ignores SIGTERM after the grace', async () => {
    const record = sleeper("trap '' TERM; while :; do sleep 0.1; done")
    await endProcesses([record], 0.3)
    expect(isRunning(record)).toBe(false)
  })

  it('spares a process that got the id of an ended one', async () => {
    const record = sleeper()
    await endProcesses([{ ...record, startTime: '1' }], 0)
    expect(isRunning(record)).toBe(true)
    await endProcesses([record], 0)
  })
})

describe('ProcessTable', () => {
  it('is empty before anything was started', async () => {
    expect(await (await newTable()).table.list()).toEqual([])
  })

  it('keeps the latest process of a name', async () => {
    const { table } = await newTable()
    await table.add({ name: 'etcd', pid: 1, startTime: '1' })
    await table.add({ name: 'kubelet', pid: 2, startTime: '2' })
    await table.add({ name: 'etcd', pid: 3, startTime: '3' })
    expect((await table.list()).map(({ name, pid }) => [name, pid])).toEqual([
      ['kubelet', 2],
      ['etcd', 3],
    ])
  })

  it('forgets processes from before the machine booted', async () => {
    const { table, file } = await newTable()
    await table.add({ name: 'etcd', pid: 1, startTime: '1' })
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), boot: 'an earlier one' }))
    expect(await table.list()).toEqual([])
  })
})

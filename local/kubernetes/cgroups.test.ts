import { describe, expect, it } from 'vitest'
import { parseCgroupMounts } from './cgroups.ts'

const hybrid = `tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
`
const unified = `proc /proc proc rw 0 0
cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0
`

describe('parseCgroupMounts', () => {
  it('takes all v1 hierarchies of a hybrid machine, whose v2 one has no controllers', () => {
    expect(parseCgroupMounts(hybrid)).toEqual({
      version: 1,
      all: ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpuset', '/sys/fs/cgroup/pids'],
      processes: '/sys/fs/cgroup/pids',
    })
  })

  it('takes the one hierarchy of v2', () => {
    expect(parseCgroupMounts(unified)).toEqual({ version: 2, all: ['/sys/fs/cgroup'], processes: '/sys/fs/cgroup' })
  })

  it('says what is expected when nothing is mounted', () => {
    expect(() => parseCgroupMounts('proc /proc proc rw 0 0\n')).toThrow(/expected cgroup v2 at/)
  })
})

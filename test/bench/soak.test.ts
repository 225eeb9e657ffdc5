import { expect, test } from 'vitest'
import { soak } from './soak.ts'
import { cycleSeconds } from './soak-faults.ts'

/** Starting, measuring the capacity, and the last answers. */
const AROUND_SECONDS = 90
/** Requests a second: a test shares its machine. `npm run soak` goes to half of what the service can do. */
const AT_MOST = 2_000

test(
  'the token service gives no wrong answer and stays as it is while authentik fails in every way',
  async () => {
    const { answers, problems } = await soak({ seconds: cycleSeconds, atMost: AT_MOST })
    expect(problems).toEqual([])
    expect(answers.wrong).toBe(0)
  },
  (cycleSeconds + AROUND_SECONDS) * 1000,
)

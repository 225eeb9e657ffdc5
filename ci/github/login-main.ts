/** What the runner starts, for the step and again for its post step. */
import { setFailed } from '@actions/core'
import { isPost, main, post } from './login.ts'

try {
  await (isPost() ? post() : main())
} catch (error) {
  setFailed(error instanceof Error ? error.message : String(error))
}

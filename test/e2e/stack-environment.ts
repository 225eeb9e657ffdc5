import { npm } from './npm.ts'

/** The exports of `npm run -s status -- --env`, as `eval` would set them. */
export async function stackEnvironment(): Promise<Record<string, string>> {
  const { stdout } = await npm('status', '--env')
  return Object.fromEntries(
    [...stdout.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name = '', value = '']) => [name, value]),
  )
}

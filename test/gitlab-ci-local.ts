/** gitlab-ci-local: GitLab's pipelines on this machine, with the schema that GitLab publishes. */
import { execFile } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const gitlabCiLocal = join(
  dirname(createRequire(import.meta.url).resolve('gitlab-ci-local/package.json')),
  'dist/index.js',
)

/**
 * Runs it on a pipeline, in a folder that is a project of GitLab's.
 *
 * @param folder the home of whoever runs it; tools are found first in its `bin`
 * @param files further files of the project, by name
 */
export async function runGitlabCiLocal(
  folder: string,
  pipeline: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
) {
  const project = await mkdtemp(join(folder, 'project-'))
  const git = (...command: string[]) => promisify(execFile)('git', ['-C', project, ...command])
  await writeFile(join(project, '.gitlab-ci.yml'), pipeline)
  for (const [name, content] of Object.entries(files)) await writeFile(join(project, name), content)
  await git('init', '--quiet', '--initial-branch=main')
  await git('remote', 'add', 'origin', 'git@gitlab.example.com:Acme/My-App.git')
  await git('add', '.')
  await git('config', 'user.name', 'test')
  await git('config', 'user.email', 'test@example.com')
  await git('commit', '--quiet', '--message=test')
  return runGitlabCiLocalIn(project, folder, args, env)
}

/** The same in a project that is there already, with its pipeline. */
export function runGitlabCiLocalIn(
  project: string,
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  return new Promise<{ code: number; printed: string; stdout: string }>((resolve) => {
    const child = execFile(
      process.execPath,
      [gitlabCiLocal, '--home', folder, ...args],
      {
        cwd: project,
        env: {
          PATH: [join(folder, 'bin'), process.env.PATH].join(delimiter),
          HOME: folder,
          ...env,
        },
      },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? 0, printed: stdout + stderr, stdout }),
    )
  })
}

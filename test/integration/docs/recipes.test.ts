/** The recipes of CONTRIBUTING.md name files that exist, and each ends with the tests that prove it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { repositoryRoot } from './markdown.ts'

const page = readFileSync(join(repositoryRoot, 'CONTRIBUTING.md'), 'utf8')
const [, section = ''] = /^## Recipes\n(.*?)^## /ms.exec(page) ?? []
const recipes = section.split(/^### /m).slice(1)

t.test('there is a recipe for each thing that is added often', (t) => {
  t.strictSame(
    recipes.map((recipe) => recipe.split('\n')[0]),
    [
      'Add an annotation',
      'Add a delivery',
      'Add a source scheme',
      'Add a check',
      'Add an audit judgement',
      'Add an output format',
    ],
  )
  t.end()
})

for (const recipe of recipes) {
  t.test(`"${recipe.split('\n')[0] ?? ''}" names files and tests that exist`, (t) => {
    const [, command = ''] = /^node test\/run\.ts (.+)$/m.exec(recipe) ?? []
    const named = [...recipe.matchAll(/`((?:src|test|docs|deploy)\/[^`]+)`/g)].map(([, path = '']) => path)
    // NAME stands for what is added: its folder, or the folder of its file, is there.
    const paths = named.map((path) => path.replace(/\/NAME.*/, ''))
    t.ok(named.length > 1 && command !== '')
    for (const path of [...paths, ...command.split(' ')]) t.ok(existsSync(join(repositoryRoot, path)), path)
    t.end()
  })
}

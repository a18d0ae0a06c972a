/** The page on the architecture has a paragraph for each folder and names no folder that is gone. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..', '..', '..')
const page = readFileSync(join(root, 'docs', 'architecture.md'), 'utf8')
const paragraphs = page
  .split(/^## /m)
  .find((section) => section.startsWith('Folders'))
  ?.matchAll(/^- \*\*(.+?)\*\*:/gm)
const named = [...(paragraphs ?? [])].flatMap(([, names = '']) =>
  [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
)

t.test('every folder of src has its paragraph, and every paragraph its folder or file', (t) => {
  const entries = readdirSync(join(root, 'src'), { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  t.strictSame(named.filter((name) => name?.includes('.') === false).sort(), folders.sort())
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  t.strictSame(
    named.filter((name) => name?.includes('.') === true && !files.includes(name)),
    [],
  )
  t.end()
})

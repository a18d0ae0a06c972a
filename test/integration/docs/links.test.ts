/** Links of the pages lead somewhere, and every page is found from the front page. */
import { existsSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import t from 'tap'
import { anchorsOf, linksOf, parsePage, readPages, repositoryRoot } from './markdown.ts'

const pages = readPages()
const anchors = new Map(pages.map((page) => [page.file, anchorsOf(page)]))

for (const page of pages) {
  t.test(`the links of ${page.file} lead to files and headings that exist`, (t) => {
    for (const { line, text } of linksOf(page).filter(({ text }) => !/^[a-z]+:/.test(text))) {
      const [path = '', anchor] = text.split('#')
      const target = path === '' ? page.file : posix.join(dirname(page.file), path)
      t.ok(!target.startsWith('..') && existsSync(join(repositoryRoot, target)), `line ${line}: ${text}`)
      if (anchor !== undefined) t.ok(anchors.get(target)?.has(anchor), `line ${line}: the heading of ${text}`)
    }
    t.end()
  })
}

t.test('every page of docs/ is in the list of its front page', (t) => {
  const front = pages.find(({ file }) => file === 'docs/README.md')!
  const listed = new Set(linksOf(front).map(({ text }) => posix.join('docs', text.split('#')[0] ?? '')))
  for (const { file } of pages.filter(({ file }) => file.startsWith('docs/') && file !== front.file)) {
    t.ok(listed.has(file), file)
  }
  t.end()
})

t.test('headings get the anchors that GitHub gives them', (t) => {
  const page = parsePage(
    'page.md',
    '# The `loader`: fast & safe\n## What happens, and what to do\n## Limits\n## Limits\n```sh\n# no heading\n```\n## See [here](x.md)\n',
  )
  t.strictSame(
    [...anchorsOf(page)],
    ['the-loader-fast--safe', 'what-happens-and-what-to-do', 'limits', 'limits-1', 'see-here'],
  )
  t.end()
})

t.test('links are found in text and tables, not in code', (t) => {
  const page = parsePage(
    'page.md',
    'a [b](c.md#d)\n| [e `f[g]`](h.md) | `[i](j.md)` |\n```md\n[k](l.md)\n```\n[m]: n.md\n<a href="o.md">p</a>\n',
  )
  t.strictSame(linksOf(page), [
    { line: 1, text: 'c.md#d' },
    { line: 2, text: 'h.md' },
    { line: 6, text: 'n.md' },
    { line: 7, text: 'o.md' },
  ])
  t.end()
})

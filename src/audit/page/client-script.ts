/** The files that run in the browser, as one script. They are in `client/`: TypeScript in the sources, JavaScript once compiled. */
import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { basename, extname } from 'node:path'

const extension = extname(import.meta.filename)

/** Sorted so that each file comes after its imports. */
const files = [
  '../../values/print/printable',
  './client/view-state',
  './client/elements',
  './client/badges',
  './client/rows',
  './client/select-rows',
  './client/sort-rows',
  './client/group-rows',
  './client/tables',
  './client/diff-table',
  './client/pod-details',
  './client/pods-table',
  './client/groups-table',
  './client/tiles',
  './client/filters',
  './client/pages',
  './client/page-head',
  './client/live',
  './client/main',
]

export async function readClientScript(): Promise<string> {
  const parts = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(new URL(`${file}${extension}`, import.meta.url), 'utf8')
      return scoped(basename(file), extension === '.ts' ? stripTypeScriptTypes(text) : text)
    }),
  )
  return ['const modules = {}', ...parts].join('\n')
}

/**
 * Inline modules cannot import each other, so each becomes a function that returns what it exports. This knows only the forms
 * that our own files have: `import { a, b } from`, `export function` and `export const`; the tests run the result.
 */
function scoped(name: string, text: string): string {
  const exported = [...text.matchAll(/^export (?:async )?(?:function|const) (\w+)/gm)].map(
    ([, exportedName]) => exportedName,
  )
  const body = text
    .replace(/^import (\{[^}]*\}) from ['"](?:[^'"]*\/)?([^'"/]+)\.[jt]s['"];?$/gm, "const $1 = modules['$2']")
    .replace(/^export \{\};?$/gm, '')
    .replace(/^export (?=\w)/gm, '')
  return `modules['${name}'] = (() => {\n${body}\nreturn { ${exported.join(', ')} }\n})()`
}

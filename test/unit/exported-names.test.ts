/** An exported name has one meaning: it is declared in one file, so that an editor that imports by name cannot take a wrong one. */
import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import ts from 'typescript'

const files = globSync('{src,test,bench,examples,deploy,docs}/**/*.ts', { exclude: ['**/node_modules/**'] }).sort()

/**
 * The names that a source declares and exports. A name that is passed on is declared elsewhere; one that is taken out of an
 * object, as the constructors of findings are for each table of checks, has the meaning that the object gives it.
 */
function exportedNames(path: string, text: string): readonly string[] {
  const { statements } = ts.createSourceFile(path, text, ts.ScriptTarget.Latest)
  return [...new Set(statements.filter(isExported).flatMap(namesOf))]
}

function isExported(statement: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : []
  return modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
}

function namesOf(statement: ts.Statement): readonly string[] {
  const names = ts.isVariableStatement(statement)
    ? statement.declarationList.declarations.map(({ name }) => name)
    : [(statement as ts.DeclarationStatement).name]
  return names.flatMap((name) => (name !== undefined && ts.isIdentifier(name) ? [name.text] : []))
}

/** Each name that several sources declare, with its places. */
function declaredTwice(sources: readonly (readonly [path: string, text: string])[]): readonly string[] {
  const declared = sources.flatMap(([path, text]) => exportedNames(path, text).map((name) => ({ name, path })))
  return [...Map.groupBy(declared, ({ name }) => name)]
    .filter(([, places]) => places.length > 1)
    .map(([name, places]) => `${name}: ${places.map(({ path }) => path).join(', ')}`)
}

/** The names that both texts declare, as the sources a.ts and b.ts. */
function twice(a: string, b: string): readonly string[] {
  return declaredTwice([
    ['a.ts', a],
    ['b.ts', b],
  ])
}

t.test('an exported name is declared in one file', (t) => {
  t.ok(files.length > 500, 'there is something to read')
  t.strictSame(declaredTwice(files.map((path) => [path, readFileSync(path, 'utf8')])), [])
  t.end()
})

t.test('it would notice each kind of declaration', (t) => {
  const kinds = [
    'export interface Twice { readonly a: 1 }',
    'export type Twice = 1',
    'export class Twice {}',
    'export function Twice(): void {}',
    'export async function* Twice() {}',
    'export const Other = 1, Twice = 2',
  ]
  for (const text of kinds) t.strictSame(twice('export type Twice = 1', text), ['Twice: a.ts, b.ts'], text)
  t.end()
})

t.test('it lets pass what is passed on, not exported, or declared in several steps', (t) => {
  const fine = [
    "export { Once } from './a.ts'",
    "import { Once } from './a.ts'\nexport { Once }",
    'const Once = 1',
    'function f() { const Once = 1; return Once }',
    'export const { Once } = a',
  ]
  for (const text of fine) t.strictSame(twice('export type Once = 1', text), [], text)
  const overloads = 'export function f(a: 1): 1\nexport function f(a: 2): 2\nexport function f(a: 1 | 2) { return a }'
  t.strictSame(declaredTwice([['a.ts', overloads]]), [])
  t.end()
})

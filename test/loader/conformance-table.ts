/** The cases that each engine passes, for the docs: from the suites themselves, which leave out only the limits of an engine. */
import { printMarkdownTable } from '../../src/cli/table.ts'
import type { LoaderEngine } from '../kit/s3/loader-run.ts'
import { loaderCases } from './cases.ts'
import { subjects } from './scenarios.ts'

interface Row {
  readonly name: string
  readonly cannot: Readonly<Partial<Record<LoaderEngine['name'], string>>>
}

const engines: readonly LoaderEngine['name'][] = ['native', 's5cmd']

function rows(): readonly Row[] {
  const single = loaderCases.map(({ name, exit, cannot = {} }) => ({
    name: exit === 0 ? name : `${name} (exit ${exit})`,
    cannot,
  }))
  return [
    ...single,
    ...Object.values(subjects)
      .flat()
      .map(({ name, cannot = {} }) => ({ name, cannot })),
  ]
}

export function limitsInMarkdown(): string {
  return printMarkdownTable(
    ['Case', 'Engine', 'Why'],
    rows().flatMap(({ name, cannot }) => Object.entries(cannot).map(([engine, why]) => [name, engine, why])),
  )
}

export function conformanceInMarkdown(): string {
  const all = rows()
  const passes = (engine: LoaderEngine['name']): number =>
    all.filter(({ cannot }) => cannot[engine] === undefined).length
  const counts = engines.map((engine) => `\`${engine}\` passes ${passes(engine)} of ${all.length}`).join(', ')
  return `${counts}.\n\n${printMarkdownTable(
    ['Case', ...engines],
    all.map(({ name, cannot }) => [
      name,
      ...engines.map((engine) => (cannot[engine] === undefined ? 'passes' : 'cannot')),
    ]),
  )}`
}

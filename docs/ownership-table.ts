/** The table of changes that others make in a loader, for docs/security.md: the rows that classify them. */
import { printMarkdownTable } from '../src/cli/table.ts'
import { fieldKinds } from '../src/inject/ownership/loader-fields.ts'
import { variableKinds } from '../src/inject/ownership/loader-env.ts'
import { mountKinds } from '../src/inject/ownership/loader-mounts.ts'
import { changeClasses, type ChangeClass } from '../src/inject/ownership/loader-change.ts'

export function changesInMarkdown(): string {
  const tables = [
    ['field', fieldKinds],
    ['variable', variableKinds],
    ['mount', mountKinds],
  ] as const
  return printMarkdownTable(
    ['Kind', 'Change', 'Made by', 'Class', 'Another configuration could have made it'],
    tables.flatMap(([kind, rows]) =>
      rows.map(({ change, madeBy, class: own, configurable }) => [
        kind,
        change,
        madeBy,
        own,
        configurable === true ? 'yes: outdated in an audit' : '',
      ]),
    ),
  )
}

export function changeClassesInMarkdown(): string {
  return printMarkdownTable(
    ['Class', 'Effect'],
    (Object.keys(changeClasses) as ChangeClass[]).map((name) => [name, changeClasses[name]]),
  )
}

/** The table of variables that the image's start keeps, for docs/loader.md; those of the table before it are named together. */
import { keptVariables } from '../src/kept-variables.ts'
import { loaderVariableNames } from '../src/loader-contract.ts'
import { printMarkdownTable } from '../src/cli/table.ts'

export function keptVariablesInMarkdown(): string {
  return printMarkdownTable(
    ['Command', 'Variables that are kept'],
    Object.entries(keptVariables).map(([command, names]) => [`\`${command}\``, describe(names)]),
  )
}

function describe(names: readonly string[]): string {
  const contract: readonly string[] = loaderVariableNames
  const isWhole = contract.every((name) => names.includes(name))
  const listed = names.filter((name) => !(isWhole && contract.includes(name))).map((name) => `\`${name}\``)
  return [...(isWhole ? ['those above'] : []), ...listed].join(', ')
}

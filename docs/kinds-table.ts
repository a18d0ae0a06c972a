/** The table of kinds with pods, for docs/manifests.md, from the one that the commands use. */
import { knownKinds, type PodPlace } from '../src/cli/manifests/kinds.ts'
import { printMarkdownTable } from '../src/cli/table.ts'

export function kindsInMarkdown(): string {
  const rows = knownKinds.map(({ kind, group, places, note = '' }) => [
    `\`${kind}.${group}\``,
    places.map((place) => `\`${annotationsAt(place)}\``).join('<br>'),
    places.every(({ made }) => made === undefined || made.isTemplate === true) ? 'yes' : 'no',
    note,
  ])
  return printMarkdownTable(['kind', 'place of annotations', '`inject`', ''], rows)
}

function annotationsAt({ at, made }: PodPlace): string {
  const own = made?.annotations.at(-1) ?? '.metadata.annotations'
  return own.startsWith('.') ? at + own : own
}

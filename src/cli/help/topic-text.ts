/** The text of each topic, from the tables that the pages of the docs are made of. */
import { keptVariables } from '../../kept-variables.ts'
import { exits } from '../../loader/exit-codes.ts'
import { exitRows } from '../exit-codes.ts'
import { annotationsAsText } from '../explain.ts'
import { printTable } from '../table.ts'
import { configurationRows } from './configuration-rows.ts'
import { deliveryRows } from './delivery-rows.ts'
import { environmentRows } from './environment-rows.ts'
import type { HelpTopic } from './topic-names.ts'

export function printTopic(topic: HelpTopic, width: number): string {
  return writers[topic](width)
}

const writers: Readonly<Record<HelpTopic, (width: number) => string>> = {
  annotations: (width) => `${annotationsAsText(width)}model-injector explain NAME says more of one.\n`,
  deliveries: (width) => {
    const rows = deliveryRows().map(({ delivery, sources, companions = 'nothing' }) => [delivery, sources, companions])
    return `${plainTable(['DELIVERY', 'SOURCES', 'COMPANION OBJECTS'], rows, width)}
model-injector render DELIVERY --help says more of one; model-injector check --delivery checks it.
`
  },
  'exit-codes': (width) => {
    const loader = Object.values(exits).map(({ code, summary }) => [String(code), summary])
    return `${plainTable(['EXIT', 'MEANING'], exitRows(), width)}
Those of load and publish:

${plainTable(['EXIT', 'MEANING'], loader, width)}`
  },
  configuration: (width) => `${plainTable(header, configurationRows(), width)}
--config names the file; check reports mistakes of the one in the cluster.
`,
  policy: (width) => {
    const rows = configurationRows().filter(([key = '']) => key.startsWith('`policy.'))
    return `${plainTable(header, rows, width)}
model-injector policy test tries a policy on manifests before it is in force.
`
  },
  environment: (width) => {
    const kept = Object.entries(keptVariables).map(([command, names]) => [command, names.join(', ')])
    return `${plainTable(['VARIABLE', 'MEANING'], environmentRows(), width)}
Commands that run in pods get these alone; model-injector load --help says more:

${plainTable(['COMMAND', 'VARIABLES'], kept, width)}`
  },
}

const header = ['KEY', 'TYPE', 'DEFAULT', 'MEANING']

/** A terminal shows backticks as they are. */
function plainTable(titles: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  const plain = rows.map((row) => row.map((cell) => cell.replaceAll('`', '')))
  return printTable(titles, plain, width)
}

/** `model-injector check --delivery`: checks the companion resources that a delivery needs in a namespace. */
import type { Command } from 'commander'
import type { CheckReport } from '../../check/check-cluster.ts'
import { checkDelivery } from '../../check/check-delivery.ts'
import { checkCommands, deliveryOfName, type CheckedDelivery } from '../../deliveries/companions.ts'
import { parseLabelName } from '../../values/names.ts'
import { parseWord, type Parsed } from '../../values/parsed.ts'
import { useCluster, type ClusterOptions } from '../cluster-options.ts'
import { problemIf, type Flag, type Flags } from '../../flags/flags.ts'
import { addFlags, fail } from '../flags.ts'
import { pointCommands } from './point-commands.ts'

const deliveryNames = Object.keys(checkCommands) as CheckedDelivery[]

/** The flags of all deliveries, each with the deliveries that own it. */
const flags: Flags = Object.fromEntries(
  [...Map.groupBy(deliveryNames.flatMap(flagsOf), ({ key }) => key)].map(([key, owned]) => [
    key,
    mergeFlags(key, owned),
  ]),
)

interface OwnedFlag {
  readonly key: string
  readonly flag: Flag<unknown>
  readonly delivery: CheckedDelivery
}

function flagsOf(delivery: CheckedDelivery): readonly OwnedFlag[] {
  return Object.entries(checkCommands[delivery].flags).map(([key, flag]) => ({ key, flag, delivery }))
}

/** `--source` is also a flag of `--identity`. */
function mergeFlags(key: string, owned: readonly OwnedFlag[]): Flag<unknown> {
  const [first] = owned
  if (first === undefined) throw new Error(`no delivery has the flag ${key}`)
  const byDescription = Map.groupBy(owned, ({ flag }) => flag.description)
  const descriptions = [...byDescription].map(
    ([description, flagsWithIt]) => `with ${flagsWithIt.map(({ delivery }) => delivery).join(' and ')}: ${description}`,
  )
  const ofIdentity = key === 'source' ? ['with --identity: what pods read, also more than one'] : []
  return { ...first.flag, description: [...descriptions, ...ofIdentity].join('; ') }
}

export const deliveryFlag = {
  term: '--delivery <name>',
  description: `check the companion resources of a namespace for this delivery: ${deliveryNames.join(', ')}`,
  accepted: deliveryNames.join(', '),
  parse: parseDelivery,
  suggested: deliveryNames,
} as const

export function addDeliveryOptions(command: Command): Command {
  return addFlags(command, flags)
}

/** A delivery that `check` supports, or an alias of it. */
function parseDelivery(text: string): Parsed<CheckedDelivery> {
  return parseWord(deliveryNames)(deliveryOfName(text) ?? text)
}

/** Problems of a namespace or delivery flag without --delivery. `sourceIsMeant`: another option owns --source. */
export function strayDeliveryOptions(
  namespace: string | undefined,
  command: Command,
  sourceIsMeant: boolean,
): readonly string[] {
  const given = givenFlags(command).filter((key) => key !== 'source' || !sourceIsMeant)
  return [
    ...problemIf(
      namespace !== undefined,
      `the namespace ${JSON.stringify(namespace)} belongs to --delivery ${deliveryNames.join('|')}`,
    ),
    ...given.map(
      (key) => `${flags[key]?.term ?? key} belongs to --delivery${key === 'source' ? ' or --identity' : ''}`,
    ),
  ]
}

/** Reports all option problems at once, before any request to the cluster. */
export async function checkNamespaceDelivery(
  delivery: CheckedDelivery,
  argument: string | undefined,
  command: Command,
  otherProblems: readonly string[],
): Promise<CheckReport> {
  const options = command.opts<{ namespace?: string; serverUrl?: string } & ClusterOptions>()
  const named = checkCommands[delivery].named(command.opts())
  const all = [
    ...(named.ok ? [] : named.problems),
    ...namespaceProblems(argument, options.namespace),
    ...problemIf(options.serverUrl !== undefined, '--server-url is about the webhook, and --delivery is not'),
    ...strayFlags(delivery, command),
    ...otherProblems,
  ]
  if (all.length > 0) fail(all, command)
  const report = await useCluster(options, (cluster) =>
    checkDelivery(cluster, {
      delivery,
      namespace: argument ?? options.namespace ?? cluster.namespace,
      named: named.ok ? named.value : [],
    }),
  )
  return pointCommands(report, options)
}

function givenFlags(command: Command): readonly string[] {
  const options = command.opts<Readonly<Record<string, unknown>>>()
  return Object.keys(flags).filter((key) => options[key] !== undefined)
}

function strayFlags(delivery: CheckedDelivery, command: Command): readonly string[] {
  const known = Object.keys(checkCommands[delivery].flags)
  return givenFlags(command)
    .filter((key) => !known.includes(key))
    .map(
      (key) =>
        `${flags[key]?.term ?? key} is not for --delivery ${delivery}, which knows ${known.map((name) => `--${name}`).join(' and ')}`,
    )
}

function namespaceProblems(argument: string | undefined, option: string | undefined): readonly string[] {
  const namespace = argument ?? option
  return [
    ...problemIf(
      argument !== undefined && option !== undefined && argument !== option,
      `two namespaces are named, ${argument ?? ''} and ${option ?? ''}`,
    ),
    ...problemIf(
      namespace !== undefined && !parseLabelName(namespace).ok,
      `the namespace ${JSON.stringify(namespace)} is not the name of one`,
    ),
  ]
}

/** `model-injector check --delivery`: whether all is there that a delivery needs beside the pods of a namespace. */
import { Option, type Command } from 'commander'
import type { Report } from '../check/check.ts'
import { checkDelivery } from '../check/deliveries/check-delivery.ts'
import { checkedDeliveries, type CheckedDeliveryName } from '../check/deliveries/registry.ts'
import type { WantedModel } from '../check/deliveries/wanted.ts'
import { parseImageDigest, parseS3Prefix } from '../render/aws-names.ts'
import { quoteWord } from '../render/shell.ts'
import { parseLabelName, parseObjectName } from '../values/names.ts'
import { parsed, unreadable, type Parsed } from '../values/parsed.ts'
import { parseAbsolutePath } from '../values/path.ts'
import { useCluster, type ClusterOptions } from './cluster-options.ts'
import { addFlags, fail, parseFlags, problemIf, type Values } from './render/flags.ts'

const deliveryNames = Object.keys(checkedDeliveries) as CheckedDeliveryName[]

/** As `render` calls them. */
const flags = {
  claim: {
    term: '--claim <name>',
    description: 'with fsx and mountpoint: the claim that pods mount (default: what workloads are annotated with)',
    accepted: 'the name of a PersistentVolumeClaim',
    parse: parseObjectName,
  },
  from: {
    term: '--from <namespace/claim>',
    description: 'with fsx and --claim: the claim that it is shared from (default: what its annotation says)',
    accepted: 'as model-store/llama',
    parse: parseClaimName,
  },
  source: {
    term: '--source <s3://…/>',
    description:
      'with mountpoint: the model; with --identity: what pods read, also more than one (default: what workloads are annotated with)',
    accepted: 's3://bucket/prefix/',
    parse: parseS3Prefix,
    many: true,
  },
  path: {
    term: '--path <path>',
    description: 'with ami: where the model stands on the node (default: what workloads are annotated with)',
    accepted: 'an absolute path',
    parse: parseAbsolutePath,
  },
  oci: {
    term: '--oci <image@digest>',
    description: 'with oci: the image of the model; with ami: one that is in the store of the nodes already',
    accepted: 'registry/repository@sha256:HEX',
    parse: parseImageDigest,
  },
} as const

type Named = Values<typeof flags, never>

/** Which flags each delivery knows. */
const flagsOf: Readonly<Record<CheckedDeliveryName, readonly (keyof typeof flags)[]>> = {
  fsx: ['claim', 'from'],
  mountpoint: ['source', 'claim'],
  ami: ['path', 'oci'],
  oci: ['oci'],
}

export interface DeliveryOptions {
  readonly delivery?: CheckedDeliveryName
}

export function addDeliveryOptions(command: Command): Command {
  command.addOption(
    new Option('--delivery <name>', 'check what pods of a namespace need beside them for this delivery').choices(
      deliveryNames,
    ),
  )
  return addFlags(command, flags)
}

/** A namespace, or one of the flags, is about a delivery that nobody named. `sourceIsMeant`: by another option. */
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
    ...given.map((key) => `${flags[key].term} belongs to --delivery${key === 'source' ? ' or --identity' : ''}`),
  ]
}

/** Ends the command with everything that is wrong in the options, before anything is asked of the cluster. */
export async function checkNamespaceDelivery(
  argument: string | undefined,
  command: Command,
  otherProblems: readonly string[],
): Promise<Report> {
  const options = command.opts<
    Required<DeliveryOptions> & { namespace?: string; serverUrl?: string } & ClusterOptions
  >()
  const { values, problems } = parseFlags(flags, [], command.opts())
  const all = [
    ...problems,
    ...namespaceProblems(argument, options.namespace),
    ...combinationProblems(values, options),
    ...strayFlags(options.delivery, command),
    ...otherProblems,
  ]
  if (all.length > 0) fail(all, command)
  const report = await useCluster(options, (cluster) =>
    checkDelivery(cluster, {
      delivery: options.delivery,
      namespace: argument ?? options.namespace ?? cluster.namespace,
      named: namedModels(options.delivery, values),
    }),
  )
  return withKubectlOptions(report, options)
}

function givenFlags(command: Command): readonly (keyof typeof flags)[] {
  const options = command.opts<Readonly<Record<string, unknown>>>()
  return (Object.keys(flags) as (keyof typeof flags)[]).filter((key) => options[key] !== undefined)
}

function strayFlags(delivery: CheckedDeliveryName, command: Command): readonly string[] {
  return givenFlags(command)
    .filter((key) => !flagsOf[delivery].includes(key))
    .map(
      (key) =>
        `${flags[key].term} is not for --delivery ${delivery}, which knows ${flagsOf[delivery].map((known) => `--${known}`).join(' and ')}`,
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

function combinationProblems(
  { claim, from, source: sources, path, oci }: Named,
  { delivery, serverUrl }: { delivery: CheckedDeliveryName; serverUrl?: string },
): readonly string[] {
  return [
    ...problemIf(serverUrl !== undefined, '--server-url is about the webhook, and --delivery is not'),
    ...problemIf(
      delivery === 'fsx' && from !== undefined && claim === undefined,
      `${flags.from.term} needs ${flags.claim.term}`,
    ),
    ...problemIf(
      delivery === 'mountpoint' && claim !== undefined && sources.length === 0,
      `${flags.claim.term} needs ${flags.source.term}, to compare the volume with`,
    ),
    ...problemIf(
      sources.length > 1,
      `${flags.source.term} is given ${sources.length} times, and --delivery looks at one model`,
    ),
    ...problemIf(delivery === 'ami' && path !== undefined && oci !== undefined, '--oci stands instead of --path'),
  ]
}

function namedModels(
  delivery: CheckedDeliveryName,
  { claim, from, source: [source], path, oci }: Named,
): readonly WantedModel[] {
  const askers = [] as const
  if (delivery === 'fsx') {
    return claim === undefined
      ? []
      : [{ source: { scheme: 'pvc', claim, path: undefined, uri: `pvc://${claim}` }, from, askers }]
  }
  if (delivery === 'mountpoint') return source === undefined ? [] : [{ source, claim, askers }]
  if (path !== undefined) return [{ source: { scheme: 'node', path, uri: `node://${path}` }, askers }]
  return oci === undefined
    ? []
    : [{ source: { scheme: 'oci', reference: oci, path: undefined, uri: `oci://${oci}` }, askers }]
}

function parseClaimName(text: string): Parsed<{ readonly namespace: string; readonly name: string }> {
  const [, namespace = '', name = ''] = /^([^/]+)\/([^/]+)$/.exec(text) ?? []
  return parseLabelName(namespace).ok && parseObjectName(name).ok
    ? parsed({ namespace, name })
    : unreadable('is not NAMESPACE/NAME')
}

/** What is copied from the report is for the cluster that was looked at, whichever the current context is. */
function withKubectlOptions(report: Report, { kubeconfig, context }: ClusterOptions): Report {
  const options = [
    ...(kubeconfig === undefined ? [] : [`--kubeconfig ${quoteWord(kubeconfig)}`]),
    ...(context === undefined ? [] : [`--context ${quoteWord(context)}`]),
  ].join(' ')
  if (options === '') return report
  const point = (command: string): string => command.replace(/(^|\| )kubectl /, `$1kubectl ${options} `)
  return {
    ...report,
    sections: report.sections.map((section) => ({
      ...section,
      findings: section.findings.map((finding) =>
        finding.commands === undefined ? finding : { ...finding, commands: finding.commands.map(point) },
      ),
    })),
  }
}

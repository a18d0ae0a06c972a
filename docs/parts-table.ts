/** The table of parts that a pod gets, for docs/annotations.md: the core injects one pod for each row. */
import { defaultPrefix } from '../src/annotations.ts'
import { parseConfig } from '../src/config/parse-config.ts'
import { inject } from '../src/inject/inject.ts'
import type { Volume } from '../src/pod/pod.ts'
import { printMarkdownTable } from '../src/cli/table.ts'
import type { Delivery } from '../src/values/source.ts'

type Annotations = Readonly<Record<string, string>>

const digest = `sha256:${'0'.repeat(64)}`
const expect = { expect: 'objects=1' }

const examples: Readonly<Record<Delivery, readonly Annotations[]>> = {
  download: [
    { source: 's3://bucket/prefix/' },
    { source: 's3://bucket/prefix/', volume: 'ephemeral/gp3', size: '1Gi' },
    { source: 's3://bucket/prefix/', volume: 'existing/scratch' },
  ],
  mountpoint: [{ source: 's3://bucket/prefix/', delivery: 'mountpoint' }],
  claim: [{ source: 'pvc://claim' }, { source: 'pvc://claim', ...expect }, { source: 'pvc://claim/path' }],
  node: [{ source: 'node:///path' }, { source: 'node:///path', ...expect }],
  image: [{ source: `oci://registry/image@${digest}` }],
}

/** The policy lists the directory of the node, and the cluster has image volumes. */
const configuration = `cluster: {version: "1.36"}
policy: {rules: [{name: all, namespaces: ["*"]}, {name: node, namespaces: ["*"], sources: ["node://*"]}]}`

export function partsInMarkdown(): string {
  const rows = Object.values(examples).flat().map(describeParts)
  return printMarkdownTable(['Annotations', 'Delivery', 'Init container', 'Volumes'], rows)
}

function describeParts(annotations: Annotations): readonly string[] {
  const config = parseConfig(configuration)
  if (!config.ok) throw new Error(config.problems.join('\n'))
  const outcome = inject(podWith(annotations), 'default', config.config)
  if (outcome.outcome !== 'injected') {
    throw new Error(`${JSON.stringify(annotations)} is ${outcome.outcome}: ${outcome.reason}`)
  }
  const loaders = outcome.pod.spec.initContainers ?? []
  const added = (outcome.pod.spec.volumes ?? []).filter(({ name }) => name !== 'scratch')
  return [
    Object.entries(annotations).map(describeAnnotation).join(', '),
    `\`${outcome.models.map(({ delivery }) => delivery).join()}\``,
    loaders.map(({ name, args }) => `\`${name}\`: \`${(args ?? []).join(' ')}\``).join(', ') || 'none',
    added.map((volume) => `\`${volume.name}\`: ${kindOf(volume)}`).join(', ') || 'none',
  ]
}

function describeAnnotation([name, value]: readonly [string, string]): string {
  return `\`${name === 'source' ? '' : `${name}: `}${value.replace(digest, 'sha256:…')}\``
}

function podWith(annotations: Annotations): unknown {
  const prefixed = Object.entries(annotations).map(([name, value]) => [defaultPrefix + name, value] as const)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'app', annotations: Object.fromEntries(prefixed) },
    spec: {
      containers: [{ name: 'app', image: 'app:1' }],
      volumes: [{ name: 'scratch', emptyDir: {} }],
    },
  }
}

/** `emptyDir`, `hostPath`, …: the field of the volume besides its name. */
function kindOf(volume: Volume): string {
  return Object.keys(volume)
    .filter((field) => field !== 'name')
    .join(', ')
}

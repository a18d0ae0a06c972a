/** `model-injector render -f`: renders the companion resources of manifests, as their annotations require. */
import { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { parseOrigin, parseSizeOf } from '../../render/parse-aws-names.ts'
import { deliveryOfName, renderedDeliveries, type RenderedDelivery } from '../../deliveries/companions.ts'
import { mountpointClaimName } from '../../deliveries/mountpoint/inject.ts'
import { notesOf, sortRequirements, type SortedRequirements } from '../../deliveries/shared/requirements.ts'
import { objectKey, type Rendering } from '../../render/rendering.ts'
import { parseLabelName } from '../../values/names.ts'
import { parseWord, type Parsed } from '../../values/parsed.ts'
import { readConfig } from '../read-config.ts'
import { writeReport } from '../terminal.ts'
import { trustProblems } from '../../render/access-flags.ts'
import { nodeFlags, nodeProblems } from '../../deliveries/node/render-command.ts'
import { eksFlags, roleFlags } from '../../render/common-flags.ts'
import { parseText, problemIf, type Values } from '../../flags/flags.ts'
import { exitCodes } from '../exit-codes.ts'
import { fail, refuseWords, withFlags } from '../flags.ts'
import { configFlag } from '../manifest-command.ts'
import { backendFlags, leastVolumeBytes } from '../../deliveries/claim/render-flags.ts'
import { mountpointFlags } from '../../deliveries/mountpoint/render-command.ts'
import { byUri, claimUri, renderRequirements, type RequirementValues } from './plan-requirements.ts'
import { imageProblems } from '../../render/product-image.ts'
import { readRequirements, type FoundRequirements } from './read-requirements.ts'
import { outputFlags, outputProblems, writeRendering } from './write.ts'

const flags = {
  filename: {
    term: '-f, --filename <path>',
    description: 'manifests: file, directory or - for stdin',
    parse: parseText,
    many: true,
  },
  namespace: {
    term: '-n, --namespace <name>',
    description: 'namespace of objects that name none',
    accepted: 'a DNS label',
    parse: parseLabelName,
    default: 'default',
  },
  only: {
    term: '--only <delivery>',
    description: 'render only this delivery (default: all that are needed)',
    accepted: renderedDeliveries.join(', '),
    parse: parseRenderedDelivery,
    many: true,
  },
  ...eksFlags,
  origin: {
    term: '--origin <source=s3://…>',
    description: 'origin of the files of a pvc:// or node:// source',
    accepted: 'as pvc://llama=s3://models/llama/, node:///opt/llama=s3://models/llama/1.2.3/',
    parse: parseOrigin,
    many: true,
  },
  size: {
    term: '--size <source=quantity>',
    description: 'size of a pvc:// or node:// source',
    accepted: 'as pvc://llama=200Gi',
    parse: parseSizeOf,
    many: true,
  },
  credentials: {
    ...roleFlags.credentials,
    description: 'how publisher and Trident assume their roles; pods say it by annotation',
  },
  oidcProvider: roleFlags.oidcProvider,
  bucketRegion: roleFlags.bucketRegion,
  kmsKey: roleFlags.kmsKey,
  ...mountpointFlags,
  ...backendFlags,
  ...nodeFlags,
  ...outputFlags,
  config: configFlag,
} as const

type ManifestFlags = Values<typeof flags, never>

export function manifestsCommand(): Command {
  const command = new Command('manifests').description(
    'with -f FILE: the companion resources of manifests, as their annotations require',
  )
  command.hook('preAction', () => {
    refuseWords(command, 'manifests are named with -f')
  })
  return withFlags(command, { flags, required: [], problems: outputProblems }, async (values) => {
    if (values.filename.length === 0) (command.parent ?? command).help({ error: true })
    await renderManifests(values, command)
  })
}

async function renderManifests(values: ManifestFlags, command: Command): Promise<void> {
  const config = await readConfig(values.config)
  const found = await readRequirements(values.filename, values.namespace, config)
  const sorted = chosenRequirements(found, values)
  const missing = missingFlags(sorted, values, config)
  writeReport(found.lines.map((line) => `${line}\n`).join(''))
  if (missing.length > 0) fail(missing, command)
  const rendering = renderRequirements(sorted, values as RequirementValues, config)
  await writeRendering(finished(rendering, found), values, command)
  if (found.isDenied) process.exitCode = exitCodes.findings
  else if (found.isPending) process.exitCode = exitCodes.couldNotLook
}

/** Drops requirements that --only excludes, and claims that the manifests already contain. */
function chosenRequirements({ requirements, present }: FoundRequirements, { only }: ManifestFlags): SortedRequirements {
  const sorted = sortRequirements(
    requirements.filter(({ model }) => only.length === 0 || only.includes(model.delivery)),
  )
  const isMissing = (namespace: string, claim: string): boolean =>
    !present.has(`v1 PersistentVolumeClaim ${namespace}/${claim}`)
  return {
    ...sorted,
    mounts: sorted.mounts.filter(({ namespace, model, source }) =>
      isMissing(namespace, model.claim ?? mountpointClaimName(source)),
    ),
    claims: sorted.claims.filter(({ namespace, source }) => isMissing(namespace, source.claim)),
  }
}

/** All missing flags at once. */
function missingFlags(sorted: SortedRequirements, values: ManifestFlags, config: Config): readonly string[] {
  const { roles, mounts, claims, nodes } = sorted
  const needsCluster = roles.length + claims.length + nodes.length > 0
  const needed = [
    ...(needsCluster ? (['accountId', 'region', 'cluster'] as const) : mounts.length > 0 ? (['region'] as const) : []),
    ...(claims.length > 0 ? (['fileSystemId', 'secretArn'] as const) : []),
    ...(nodes.length > 0 ? (['nodeRole'] as const) : []),
  ]
    .filter((name) => values[name] === undefined)
    .map((name) => `${flags[name].term} is required; accepted: ${flags[name].accepted}`)
  return [
    ...needed,
    ...(nodes.length > 0 ? nodeProblems(values) : []),
    ...(claims.length + nodes.length > 0 ? imageProblems(values.image, config) : []),
    ...(claims.length > 0 ? trustProblems(values) : []),
    ...mixedCredentials(roles),
    ...problemIf(
      roles.some(({ credentials }) => credentials.kind === 'irsa') && values.oidcProvider === undefined,
      `${flags.oidcProvider.term} is required, because pods ask for credentials: irsa`,
    ),
    ...[...new Set(claims.map(({ source }) => claimUri(source.claim)))].flatMap((uri) => sourceProblems(uri, values)),
    ...byUri(nodes).flatMap(([uri]) => sourceProblems(uri, values)),
  ]
}

/** A service account gets its role in one way only. */
function mixedCredentials(roles: SortedRequirements['roles']): readonly string[] {
  const accounts = Map.groupBy(roles, ({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`)
  const mixed = [...accounts].filter(
    ([, requirements]) => new Set(requirements.map(({ credentials }) => credentials.kind)).size > 1,
  )
  return mixed.map(
    ([account]) =>
      `the service account ${account} is used with credentials: pod-identity and with credentials: irsa; decide for one`,
  )
}

function sourceProblems(uri: string, { origin, size }: ManifestFlags): readonly string[] {
  const found = origin.find((candidate) => candidate.uri === uri)
  const bytes = size.find((candidate) => candidate.uri === uri)?.bytes
  return [
    ...problemIf(found === undefined, `--origin ${uri}=s3://bucket/prefix/ is required: where its files come from`),
    ...problemIf(
      uri.startsWith('pvc:') && found?.source.extent === 'object',
      `--origin ${uri}=… names one object; it has to be the prefix below which versions are`,
    ),
    ...problemIf(bytes === undefined, `--size ${uri}=QUANTITY is required, as 20Gi`),
    ...problemIf(
      uri.startsWith('pvc:') && bytes !== undefined && bytes < leastVolumeBytes,
      `--size ${uri}=… is less than 20Mi, the smallest volume of Trident`,
    ),
  ]
}

/** Drops objects that the manifests already contain. */
function finished(rendering: Rendering, found: FoundRequirements): Rendering {
  const { requirements, present } = found
  const kubernetes = rendering.kubernetes.filter((object) => !present.has(objectKey(object)))
  const isNothing = rendering.kubernetes.length + rendering.stacks.length === 0
  return {
    ...rendering,
    kubernetes,
    notes: [...rendering.notes, ...notesOf(requirements), ...(isNothing ? [nothingBecause(found)] : [])],
  }
}

/** Says nothing about pods that were not looked at. */
function nothingBecause({ requirements, isDenied, isPending }: FoundRequirements): string {
  if (isDenied) return 'nothing is rendered for what was denied'
  if (isPending) return 'nothing is rendered for what is not known until Argo fills it in'
  return requirements.length > 0
    ? 'these pods need no companion resources that could be rendered'
    : 'no pod or pod template in these files asks for a model'
}

/** A delivery that renders companion resources, or an alias of it. */
function parseRenderedDelivery(text: string): Parsed<RenderedDelivery> {
  return parseWord(renderedDeliveries)(deliveryOfName(text) ?? text)
}

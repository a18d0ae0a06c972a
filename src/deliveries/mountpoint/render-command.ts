/** `model-injector render mountpoint` */
import { parseS3Prefix } from '../../render/parse-aws-names.ts'
import { renderMountpoint } from './render.ts'
import type { Rendering } from '../../render/rendering.ts'
import { parseObjectName } from '../../values/names.ts'
import { parsePositiveBytes } from '../../values/quantity.ts'
import { identitiesOf, roleNameOf, trustOf, trustProblems } from '../../render/access-flags.ts'
import { eksFlags, identityFlags, roleFlags } from '../../render/common-flags.ts'
import { parseFlags, type RawOptions } from '../../flags/flags.ts'
import type { FlagResult, RenderCommand } from '../companion.ts'

export const mountpointFlags = {
  cache: {
    term: '--cache <quantity>',
    description: 'disk of the node on which Mountpoint keeps what was read (default: none)',
    accepted: 'a Kubernetes quantity, as 60Gi',
    parse: parsePositiveBytes,
  },
} as const

const flags = {
  source: {
    term: '--source <s3://…/>',
    description: 'the model',
    accepted: 's3://bucket/prefix/',
    parse: parseS3Prefix,
  },
  ...identityFlags,
  claim: {
    term: '--claim <name>',
    description: 'name of the claim (default: the one that the webhook looks for)',
    accepted: 'the name of a PersistentVolumeClaim',
    parse: parseObjectName,
  },
  ...mountpointFlags,
  ...eksFlags,
  ...roleFlags,
} as const

const required = ['source', 'namespace', 'serviceAccount', 'accountId', 'region', 'cluster'] as const

const help = `
Example:
  model-injector render mountpoint --source s3://models/llama/1.2.3/ -n apps --service-account my-inference-app \\
    --account-id 111122223333 --region eu-west-1 --cluster prod | kubectl apply -f -`

export const mountpointRender: RenderCommand = {
  description: 'PersistentVolume and claim of the Mountpoint CSI driver, role of the pods, policy of the bucket',
  flags,
  help,
  render: renderFromFlags,
}

function renderFromFlags(options: RawOptions): FlagResult<Rendering> {
  const { values, problems } = parseFlags(flags, required, options)
  const all = [...problems, ...trustProblems(values)]
  if (all.length > 0) return { ok: false, problems: all }
  const { source, claim, cache, accountId, region, cluster: name, kmsKey } = values
  const bucketRegion = values.bucketRegion ?? region
  const base = {
    cluster: { name, accountId, region },
    scope: 'source',
    identities: identitiesOf(values.namespace, values.serviceAccount),
  } as const
  const access = {
    ...base,
    role: values.roleName ?? roleNameOf(base),
    trust: trustOf(values),
    sources: [source],
    bucketRegions: [bucketRegion],
    kmsKey,
  }
  const volumes = [...new Set(values.namespace)].map((namespace) => ({
    source,
    namespace,
    claim,
    region: bucketRegion,
    cacheBytes: cache,
  }))
  return { ok: true, value: renderMountpoint(volumes, [access]) }
}

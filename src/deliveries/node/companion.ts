/** Companion resources of the delivery `node`: machine image, Karpenter objects, and nodes with the model. */
import { problemIf } from '../../flags/flags.ts'
import { parseImageDigest } from '../../render/parse-aws-names.ts'
import { parseAbsolutePath } from '../../values/path.ts'
import { defineCheck, type Companion } from '../companion.ts'
import { checkNode } from './check.ts'
import { nodeChecks } from './checks.ts'
import { nodeRender } from './render-command.ts'

const flags = {
  path: {
    term: '--path <path>',
    description: 'where the model stands on the node (default: what workloads are annotated with)',
    accepted: 'an absolute path',
    parse: parseAbsolutePath,
  },
  oci: {
    term: '--oci <image@digest>',
    description: 'the image of the model; for node, one that nodes have in their store already',
    accepted: 'registry/repository@sha256:HEX',
    parse: parseImageDigest,
  },
} as const

const check = defineCheck({
  flags,
  example: '--path /opt/models/llama-1.2.3',
  check: checkNode,
  problems: ({ path, oci }) => problemIf(path !== undefined && oci !== undefined, '--oci stands instead of --path'),
  named: ({ path, oci }) => {
    if (path !== undefined) return [{ source: { scheme: 'node', path, uri: `node://${path}` }, consumers: [] }]
    return oci === undefined
      ? []
      : [{ source: { scheme: 'oci', reference: oci, path: undefined, uri: `oci://${oci}` }, consumers: [] }]
  },
})

export const nodeCompanion = {
  alias: 'ami',
  render: nodeRender,
  check,
  checks: nodeChecks,
  parts: { loader: "model.expect != ''", volume: 'true' },
} as const satisfies Companion

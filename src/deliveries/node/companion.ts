/** Companion resources of the delivery `node`: machine image, Karpenter objects, and nodes with the model. */
import { problemIf } from '../../flags/flags.ts'
import { parseAbsolutePath } from '../../values/path.ts'
import { defineCheck, type Companion } from '../companion.ts'
import { ociFlag, namedImage } from '../shared/check-flags.ts'
import { checkNode } from './check.ts'
import { nodeChecks } from './checks.ts'
import { nodeRender } from './render-command.ts'

const flags = {
  path: {
    term: '--path <path>',
    description: 'directory of the model on the node (default: that of the annotations of workloads)',
    accepted: 'an absolute path',
    parse: parseAbsolutePath,
  },
  oci: ociFlag,
} as const

const check = defineCheck({
  flags,
  example: '--path /opt/models/llama-1.2.3',
  check: checkNode,
  problems: ({ path, oci }) => problemIf(path !== undefined && oci !== undefined, '--oci stands instead of --path'),
  named: ({ path, oci }) =>
    path === undefined ? namedImage(oci) : [{ source: { scheme: 'node', path, uri: `node://${path}` }, consumers: [] }],
})

export const nodeCompanion = {
  alias: 'ami',
  render: nodeRender,
  check,
  checks: nodeChecks,
  parts: { loader: "model.expect != ''", volume: 'true' },
} as const satisfies Companion

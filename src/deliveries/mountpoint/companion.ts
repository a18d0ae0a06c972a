/** Companion resources of the delivery `mountpoint`: the Mountpoint CSI driver's volumes and the role. */
import { problemIf } from '../../flags/flags.ts'
import { parseS3Prefix } from '../../render/parse-aws-names.ts'
import { defineCheck, type Companion } from '../companion.ts'
import { claimFlag } from '../shared/check-flags.ts'
import { checkMountpoint } from './check.ts'
import { mountpointChecks } from './checks.ts'
import { mountpointRender } from './render-command.ts'

const flags = {
  claim: claimFlag,
  source: {
    term: '--source <s3://…/>',
    description: 'the model (default: what workloads are annotated with)',
    accepted: 's3://bucket/prefix/',
    parse: parseS3Prefix,
    many: true,
  },
} as const

const check = defineCheck({
  flags,
  example: '--source s3://my-ml-bucket/llama/1.2.3/',
  check: checkMountpoint,
  problems: ({ claim, source }) => [
    ...problemIf(
      claim !== undefined && source.length === 0,
      `${flags.claim.term} needs ${flags.source.term}, to compare the volume with`,
    ),
    ...problemIf(
      source.length > 1,
      `${flags.source.term} is given ${source.length} times, and --delivery looks at one model`,
    ),
  ],
  named: ({ claim, source: [source] }) => (source === undefined ? [] : [{ source, claim, consumers: [] }]),
})

export const mountpointCompanion = {
  render: mountpointRender,
  check,
  checks: mountpointChecks,
  parts: { loader: 'false', volume: 'true' },
} as const satisfies Companion

/** Companion resources of the delivery `claim`: FSx for ONTAP by Trident. */
import { problemIf } from '../../flags/flags.ts'
import { parseLabelName, parseObjectName } from '../../values/names.ts'
import { parsed, unreadable, type Parsed } from '../../values/parsed.ts'
import { defineCheck, type Companion } from '../companion.ts'
import { checkClaims } from './check.ts'
import { claimChecks } from './checks.ts'
import { claimFlag } from '../shared/check-flags.ts'
import { claimRender } from './render-command.ts'

const flags = {
  claim: claimFlag,
  from: {
    term: '--from <namespace/claim>',
    description: 'the claim that --claim is shared from (default: what its annotation says)',
    accepted: 'as model-store/llama',
    parse: parseClaimName,
  },
} as const

const check = defineCheck({
  flags,
  example: '--claim llama --from model-store/llama',
  check: checkClaims,
  problems: ({ claim, from }) =>
    problemIf(from !== undefined && claim === undefined, `${flags.from.term} needs ${flags.claim.term}`),
  named: ({ claim, from }) =>
    claim === undefined
      ? []
      : [{ source: { scheme: 'pvc', claim, path: undefined, uri: `pvc://${claim}` }, from, consumers: [] }],
})

export const claimCompanion = {
  alias: 'fsx',
  render: claimRender,
  check,
  checks: claimChecks,
  parts: { loader: "model.source.matches('^pvc://[^/]*/.') || model.expect != ''", volume: 'true' },
} as const satisfies Companion

function parseClaimName(text: string): Parsed<{ readonly namespace: string; readonly name: string }> {
  const [, namespace = '', name = ''] = /^([^/]+)\/([^/]+)$/.exec(text) ?? []
  return parseLabelName(namespace).ok && parseObjectName(name).ok
    ? parsed({ namespace, name })
    : unreadable('is not NAMESPACE/NAME')
}

/** Companion resources of the delivery `image`: the image of the model, and nodes that can mount it. */
import { parseImageDigest } from '../../render/parse-aws-names.ts'
import { defineCheck, type Companion } from '../companion.ts'
import { checkImage } from './check.ts'
import { imageChecks } from './checks.ts'
import { imageRender } from './render-command.ts'

const flags = {
  oci: {
    term: '--oci <image@digest>',
    description: 'the image of the model; for node, one that nodes have in their store already',
    accepted: 'registry/repository@sha256:HEX',
    parse: parseImageDigest,
  },
} as const

const check = defineCheck({
  flags,
  example: '--oci registry.example.com/llama@sha256:…',
  check: checkImage,
  named: ({ oci }) =>
    oci === undefined
      ? []
      : [{ source: { scheme: 'oci', reference: oci, path: undefined, uri: `oci://${oci}` }, consumers: [] }],
})

export const imageCompanion = {
  alias: 'oci',
  render: imageRender,
  check,
  checks: imageChecks,
  parts: { loader: 'false', volume: 'true' },
} as const satisfies Companion

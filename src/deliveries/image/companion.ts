/** Companion resources of the delivery `image`: the image of the model, and nodes that can mount it. */
import { defineCheck, type Companion } from '../companion.ts'
import { ociFlag, namedImage } from '../shared/check-flags.ts'
import { checkImage } from './check.ts'
import { imageChecks } from './checks.ts'
import { imageRender } from './render-command.ts'

const check = defineCheck({
  flags: { oci: ociFlag },
  example: '--oci registry.example.com/llama@sha256:…',
  check: checkImage,
  named: ({ oci }) => namedImage(oci),
})

export const imageCompanion = {
  alias: 'oci',
  render: imageRender,
  check,
  checks: imageChecks,
  parts: { loader: 'false', volume: 'true' },
} as const satisfies Companion

/** Companion resources of the delivery `download`: identity and bucket. */
import type { Companion } from '../companion.ts'
import { downloadRender } from './render-command.ts'

export const downloadCompanion = {
  alias: 's3',
  render: downloadRender,
  checks: {},
  parts: { loader: 'true', volume: "!model.volume.startsWith('existing/')" },
} as const satisfies Companion

/** The complete configuration of an installation: the file's settings, and defaults for the rest. */
import type { AnnotationName } from '../annotations.ts'
import type { Settings } from './config-schema.ts'
import type { Policy } from './policy.ts'

export interface Config extends Omit<Settings, 'defaults' | 'policy'> {
  /** Values as in annotations; valid, because the annotation's own parser has accepted them. */
  readonly defaults: Readonly<Partial<Record<AnnotationName, string>>>
  readonly policy: Policy
  /** 16 hexadecimal digits that change with any of the settings above. */
  readonly hash: string
}

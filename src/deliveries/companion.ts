/** The tools of one delivery beside the webhook: objects it needs are rendered and checked. One for each, listed in companions.ts. */
import type { Config } from '../config/config.ts'
import type { CheckRow } from '../diagnosis/check-row.ts'
import { parseFlags, type Flags, type RawOptions, type Values } from '../flags/flags.ts'
import type { Rendering } from '../render/rendering.ts'
import type { DeliveryCheck } from './shared/check-context.ts'
import type { RequestedModel } from './shared/requested-model.ts'

export interface Companion {
  /** An older name of the delivery in `render` and `check`, which stays valid. */
  readonly alias?: string
  readonly render?: RenderSubject
  readonly check?: CheckSubject
  /** The rows of the closed table of checks that are about this delivery alone. */
  readonly checks: Readonly<Record<string, CheckRow>>
}

export type FlagResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly string[] }

/** `model-injector render DELIVERY` */
export interface RenderSubject {
  readonly description: string
  readonly flags: Flags
  /** Examples, as they stand in the help. */
  readonly help: string
  /** All problems of the flags at once. */
  readonly render: (options: RawOptions, config: Config) => FlagResult<Rendering> | Promise<FlagResult<Rendering>>
}

/** `model-injector check --delivery DELIVERY` */
export interface CheckSubject {
  readonly flags: Flags
  /** Names a model by flags, where no workload is annotated yet. */
  readonly example: string
  readonly check: DeliveryCheck
  /** The models that flags name. */
  readonly named: (options: RawOptions) => FlagResult<readonly RequestedModel[]>
}

export interface CheckDefinition<F extends Flags> extends Omit<CheckSubject, 'flags' | 'named'> {
  readonly flags: F
  /** Flags that contradict each other. */
  readonly problems?: (values: Values<F, never>) => readonly string[]
  readonly named: (values: Values<F, never>) => readonly RequestedModel[]
}

export function checkSubject<F extends Flags>(definition: CheckDefinition<F>): CheckSubject {
  const { flags, example, check, problems: contradictions = () => [], named } = definition
  return {
    flags,
    example,
    check,
    named: (options) => {
      const { values, problems } = parseFlags(flags, [], options)
      const all = [...problems, ...contradictions(values)]
      return all.length > 0 ? { ok: false, problems: all } : { ok: true, value: named(values) }
    },
  }
}

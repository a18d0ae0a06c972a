/**
 * The commands of one delivery outside the webhook: its companion resources are rendered and checked. One for each
 * delivery, listed in companions.ts.
 */
import type { Config } from '../config/config.ts'
import type { CheckRow } from '../diagnosis/check-row.ts'
import { parseFlags, type Flags, type RawOptions, type Values } from '../flags/flags.ts'
import type { Rendering } from '../render/rendering.ts'
import type { DeliveryCheck } from './shared/check-context.ts'
import type { RequestedModel } from './shared/requested-model.ts'

export interface Companion {
  /** Older name of the delivery in `render` and `check`; stays valid. */
  readonly alias?: string
  readonly render?: RenderCommand
  readonly check?: CheckCommand
  /** The rows of the closed table of checks for this delivery alone. */
  readonly checks: Readonly<Record<string, CheckRow>>
  readonly parts: PartConditions
}

/**
 * Parts that an injected pod has, for the policies of the chart: conditions in CEL on `model`, whose fields are texts: suffix
 * ('' or '-NAME'), source, delivery, volume and expect, each with the operator's default as fallback, and '' without one.
 */
interface PartConditions {
  /** True if an init container model-loader[-NAME] loads or verifies it. */
  readonly loader: string
  /** True if it gets a volume model-data[-NAME]; otherwise it is on a volume of the pod's own. */
  readonly volume: string
}

export type FlagResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly string[] }

/** `model-injector render DELIVERY` */
export interface RenderCommand {
  readonly description: string
  readonly flags: Flags
  /** Examples for the help. */
  readonly help: string
  /** Reports all problems of the flags at once. */
  readonly render: (options: RawOptions, config: Config) => FlagResult<Rendering> | Promise<FlagResult<Rendering>>
}

/** `model-injector check --delivery DELIVERY` */
export interface CheckCommand {
  readonly flags: Flags
  /** Flags that name a model, for a namespace without annotated workloads. */
  readonly example: string
  readonly check: DeliveryCheck
  /** Models named by flags. */
  readonly named: (options: RawOptions) => FlagResult<readonly RequestedModel[]>
}

export interface CheckDefinition<F extends Flags> extends Omit<CheckCommand, 'flags' | 'named'> {
  readonly flags: F
  /** Problems of flags that contradict each other. */
  readonly problems?: (values: Values<F, never>) => readonly string[]
  readonly named: (values: Values<F, never>) => readonly RequestedModel[]
}

export function defineCheck<F extends Flags>(definition: CheckDefinition<F>): CheckCommand {
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

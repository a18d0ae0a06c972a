/** The orders in which the API server calls webhooks, with and without a second call. */

/** The value of `reinvocationPolicy`. */
type Reinvocation = 'Never' | 'IfNeeded'

export interface Turn {
  readonly webhook: string
  readonly reinvocation: Reinvocation
}

/** Each stands in a namespace of its own, so that all are in force at once. */
export interface Combination {
  readonly namespace: string
  /** In the order of the calls. */
  readonly turns: readonly Turn[]
}

const reinvocations: readonly Reinvocation[] = ['Never', 'IfNeeded']

/** Every order of the webhooks, and in each every choice of which are called again: n! · 2ⁿ. */
export function everyCombination(label: string, webhooks: readonly string[]): readonly Combination[] {
  return named(label, ordersOf(webhooks).flatMap(everySetting))
}

/** Every order of the webhooks, all called again or none: n! · 2. */
export function everyOrder(label: string, webhooks: readonly string[]): readonly Combination[] {
  return named(
    label,
    ordersOf(webhooks).flatMap((order) =>
      reinvocations.map((reinvocation) => order.map((webhook) => ({ webhook, reinvocation }))),
    ),
  )
}

/** The same without one of the webhooks: the others keep their order and their policies. */
export function without(webhook: string, { turns }: Combination): readonly Turn[] {
  return turns.filter((turn) => turn.webhook !== webhook)
}

/** `eks, ours (IfNeeded), vault`: in the order of the calls; those without a word are called once. */
export function describeTurns(turns: readonly Turn[]): string {
  return turns.map(({ webhook, reinvocation }) => webhook + (reinvocation === 'Never' ? '' : ' (IfNeeded)')).join(', ')
}

function named(label: string, all: readonly (readonly Turn[])[]): readonly Combination[] {
  return all.map((turns, i) => ({ namespace: `${label}-${i}`, turns }))
}

function ordersOf(webhooks: readonly string[]): readonly (readonly string[])[] {
  if (webhooks.length <= 1) return [webhooks]
  return webhooks.flatMap((first) =>
    ordersOf(webhooks.filter((other) => other !== first)).map((rest) => [first, ...rest]),
  )
}

function everySetting(order: readonly string[]): readonly (readonly Turn[])[] {
  const [webhook, ...rest] = order
  if (webhook === undefined) return [[]]
  return everySetting(rest).flatMap((turns) =>
    reinvocations.map((reinvocation) => [{ webhook, reinvocation }, ...turns]),
  )
}

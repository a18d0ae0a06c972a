/** What one pod may ask for. The operator may lower each of these, and raise none: they keep one pod from stopping the others. */
export interface PodLimits {
  readonly models: number
  /** Below our prefix; what the product writes itself does not count. */
  readonly annotations: number
  /** Each model counts once for every container that gets it. */
  readonly modelContainerPairs: number
  readonly patchBytes: number
}

export const highestLimits: PodLimits = {
  models: 32,
  annotations: 512,
  modelContainerPairs: 1024,
  patchBytes: 1024 * 1024,
}

/** Those that are lower than they have to be; undefined where none is. */
export function loweredLimits(limits: Partial<PodLimits>): Partial<PodLimits> | undefined {
  const lowered = Object.entries(limits).filter(([name, limit]) => limit < highestLimits[name as keyof PodLimits])
  return lowered.length === 0 ? undefined : Object.fromEntries(lowered)
}

/** Limits of one pod's requests. The operator may lower but not raise them: they keep one pod from stopping the others. */
export interface PodLimits {
  readonly models: number
  /** Annotations below our prefix, except those that the product writes itself. */
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

/** The limits that were lowered; undefined if none was. */
export function loweredLimits(limits: Partial<PodLimits>): Partial<PodLimits> | undefined {
  const lowered = Object.entries(limits).filter(([name, limit]) => limit < highestLimits[name as keyof PodLimits])
  return lowered.length === 0 ? undefined : Object.fromEntries(lowered)
}

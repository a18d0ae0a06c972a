/** The loader engines. Adding one is a file beside this one, a line here, and its tests. */
import type { LoaderTask } from '../deliveries/delivery.ts'
import type { Engine, EngineCommand, EngineName } from './engine.ts'
import { native } from './native.ts'
import { s5cmd } from './s5cmd.ts'
import { verifier } from './verifier.ts'

/** Those that bring a model. */
export const engineByName: Readonly<Record<EngineName, Engine>> = { native, s5cmd }

/** The engine for a task in a pod that chose one of those that bring models. */
export function engineFor({ kind }: LoaderTask, chosen: EngineName): Engine {
  return kind === 'verify' ? verifier : engineByName[chosen]
}

/** True for a container that runs any of them. */
export function runsAnEngine(container: EngineCommand): boolean {
  return runsVerifier(container) || Object.values(engineByName).some((engine) => engine.runsIn(container))
}

/** True for one that checks a model instead of bringing it. */
export function runsVerifier(container: EngineCommand): boolean {
  return verifier.runsIn(container)
}

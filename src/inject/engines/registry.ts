/** The loader engines. Adding one is a file beside this one, a line here, and its tests. */
import type { Engine, EngineCommand, EngineName } from './engine.ts'
import { native } from './native.ts'
import { s5cmd } from './s5cmd.ts'

export const engineByName: Readonly<Record<EngineName, Engine>> = { native, s5cmd }

/** True for a container that runs any of them. */
export function runsAnEngine(container: EngineCommand): boolean {
  return Object.values(engineByName).some((engine) => engine.runsIn(container))
}

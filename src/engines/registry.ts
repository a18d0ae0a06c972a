/** The loader engines. Adding one is a file beside this one, a line here, and its tests. */
import type { Config } from '../config/config.ts'
import type { Findings } from '../request/findings.ts'
import type { InjectionRequest, EngineName } from '../request/model-request.ts'
import type { Engine, EngineCommand } from './engine.ts'
import { native } from './native.ts'
import { s5cmd } from './s5cmd.ts'
import { verifier } from './verifier.ts'

/** Those that bring a model. */
export const engineByName: Readonly<Record<EngineName, Engine>> = { native, s5cmd }

/** Denies what is asked of the chosen engine and what it cannot do. */
export function checkEngine(request: InjectionRequest, config: Config, findings: Findings): void {
  engineByName[request.engine].checkRequest(request, config, findings)
}

/** The engine for a task in a pod that chose one of those that bring models. */
export function engineFor({ kind }: { readonly kind: 'load' | 'verify' }, chosen: EngineName): Engine {
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

/** The loader engines. Adding one takes a file in this folder, a line here, and its tests. */
import type { Config } from '../config/config.ts'
import type { Findings } from '../request/findings.ts'
import type { InjectionRequest } from '../request/model-request.ts'
import type { EngineName } from '../values/engine.ts'
import type { Engine, EngineCommand } from './engine.ts'
import { native } from './native.ts'
import { s5cmd } from './s5cmd.ts'
import { verifier } from './verifier.ts'

/** The engines that download a model. */
export const engineByName: Readonly<Record<EngineName, Engine>> = { native, s5cmd }

/** Denies requests that the chosen engine cannot fulfil. */
export function checkEngine(request: InjectionRequest, config: Config, findings: Findings): void {
  engineByName[request.engine].checkRequest(request, config, findings)
}

/** The engine for a task in a pod that chose a download engine. */
export function engineFor({ kind }: { readonly kind: 'load' | 'verify' }, chosen: EngineName): Engine {
  return kind === 'verify' ? verifier : engineByName[chosen]
}

/** True for a container that runs any of them. */
export function runsAnEngine(container: EngineCommand): boolean {
  return runsVerifier(container) || Object.values(engineByName).some((engine) => engine.runsIn(container))
}

/** True for a container that checks a model instead of downloading it. */
export function runsVerifier(container: EngineCommand): boolean {
  return verifier.runsIn(container)
}

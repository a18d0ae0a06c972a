/** The differences between loader engines; each engine has a file in this folder and a line in registry.ts. */
import type { Config } from '../config/config.ts'
import type { Findings } from '../request/findings.ts'
import type { Container } from '../pod/pod.ts'
import type { InjectionRequest } from '../request/model-request.ts'

/** Both lists together are the loader's command line; without a command it is the image's own. */
export type EngineCommand = Pick<Container, 'command' | 'args'>

export interface Engine {
  readonly command: EngineCommand
  /** The image where the pod chooses none. */
  image(config: Config): string
  /** True for its command line, also that of another version of the product. */
  runsIn(container: EngineCommand): boolean
  /** Denies requests that the engine cannot fulfil. */
  checkRequest(request: InjectionRequest, config: Config, findings: Findings): void
}

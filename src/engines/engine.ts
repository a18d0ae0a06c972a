/** What is different from one loader engine to the other; one file beside this one for each, listed in registry.ts. */
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
  /** Denies what is asked of it and what it cannot do. */
  checkRequest(request: InjectionRequest, config: Config, findings: Findings): void
}

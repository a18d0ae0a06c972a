/** The loader's task of checking a model on a volume that is filled elsewhere: the environment for `load --verify`. */
import { formatLoaderEnv } from '../../loader-contract.ts'
import { loaderRoot } from '../../pod/injected-names.ts'
import type { InjectionRequest, ModelRequest } from '../../request/model-request.ts'
import type { LoaderTask } from '../delivery.ts'

/** The root of the volume is mounted read-only: the check writes nothing. */
export function verifyTask(model: ModelRequest, volume: string, request: InjectionRequest): LoaderTask {
  return {
    kind: 'verify',
    env: formatLoaderEnv({
      MODEL_NAME: model.name,
      MODEL_SOURCE: model.source,
      MODEL_ROOT: loaderRoot,
      MODEL_EXPECT: model.expect,
      MODEL_TIMEOUT_SECONDS: request.timeoutSeconds,
    }),
    volumeMount: { name: volume, mountPath: loaderRoot, readOnly: true },
  }
}

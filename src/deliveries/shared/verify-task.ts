/** The task of checking a model on a volume that somebody else filled: the environment that `load --verify` reads. */
import { formatExpectation } from '../../values/expectation.ts'
import { loaderRoot } from '../../pod/part-names.ts'
import type { InjectionRequest, ModelRequest } from '../../request/model-request.ts'
import type { LoaderTask } from '../delivery.ts'

/** The volume is mounted whole, by its root, and read-only: the check writes nothing. */
export function verifyTask(model: ModelRequest, volume: string, request: InjectionRequest): LoaderTask {
  return {
    kind: 'verify',
    env: [
      { name: 'MODEL_NAME', value: model.name },
      { name: 'MODEL_SOURCE', value: model.source.uri },
      { name: 'MODEL_ROOT', value: loaderRoot },
      ...(model.expect === undefined ? [] : [{ name: 'MODEL_EXPECT', value: formatExpectation(model.expect) }]),
      { name: 'MODEL_TIMEOUT_SECONDS', value: String(request.timeoutSeconds) },
    ],
    volumeMount: { name: volume, mountPath: loaderRoot, readOnly: true },
  }
}

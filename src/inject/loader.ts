/** The loader init container. Users' words reach it through its environment only, never through its command. */
import type { Config } from '../config/config.ts'
import type { LoaderTask } from '../deliveries/delivery.ts'
import type { LoaderIdentity } from './identity.ts'
import { loaderArgs } from './loader-command.ts'
import { networkEnv } from './network.ts'
import { loaderContainerName, tmpVolume } from '../pod/injected-names.ts'
import type { Container, EnvVar, Resources, Volume } from '../pod/pod.ts'
import type { InjectionRequest, ModelRequest } from '../request/model-request.ts'
import { loaderSecurityContext } from './security.ts'

/** The root file system is read-only; the loader needs a place for its own small files. */
export const loaderTmpVolume: Volume = { name: tmpVolume, emptyDir: { sizeLimit: '64Mi' } }

/** Without it an SDK would quietly take the role of the node where nothing else was injected. */
const noNodeRole: EnvVar = { name: 'AWS_EC2_METADATA_DISABLED', value: 'true' }

export interface LoaderParts {
  readonly identity: LoaderIdentity
  readonly resources: Resources
  readonly user: number | undefined
}

export function loaderContainer(
  model: ModelRequest,
  task: LoaderTask,
  { identity, resources, user }: LoaderParts,
  { request, config }: { request: InjectionRequest; config: Config },
): Container {
  const downloads = task.kind === 'load'
  return {
    name: loaderContainerName(model.suffix),
    image: loaderImage(request, config),
    imagePullPolicy: config.loader.imagePullPolicy,
    args: loaderArgs[task.kind],
    env: firstOfName([
      ...task.env,
      ...(downloads ? [noNodeRole, ...identity.env] : []),
      ...operatorEnv(config),
      ...(downloads ? networkEnv(config) : []),
    ]),
    resources,
    securityContext: loaderSecurityContext(user),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      task.volumeMount,
      ...(downloads ? [{ name: tmpVolume, mountPath: '/tmp' }, ...identity.volumeMounts] : []),
    ],
  }
}

/** The pod's choice, or the operator's. */
export function loaderImage({ image }: InjectionRequest, { defaults }: Config): string {
  return image ?? defaults.image ?? ''
}

function operatorEnv(config: Config): EnvVar[] {
  return Object.entries(config.loader.env).map(([name, value]) => ({ name, value }))
}

function firstOfName(env: readonly EnvVar[]): EnvVar[] {
  const seen = new Set<string>()
  return env.filter(({ name }) => seen.size < seen.add(name).size)
}

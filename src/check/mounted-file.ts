/** Finds the ConfigMap or Secret, and its key, that a container reads as a file. */
import type { ClusterContainer, Deployment, KeyToPath, ClusterPodSpec, ClusterVolume } from '../cluster/objects.ts'

export interface MountedFile {
  readonly kind: 'ConfigMap' | 'Secret'
  readonly name: string
  readonly key: string
  readonly namespace: string
}

/** Undefined if the path is mounted from neither. */
export function mountedFile(
  {
    metadata: { namespace = '' },
    spec: {
      template: { spec },
    },
  }: Deployment,
  path: string,
): MountedFile | undefined {
  const mount = mountAt(spec, path)
  const source = sourceOf(spec.volumes?.find(({ name }) => name === mount?.name))
  if (mount === undefined || source === undefined) return undefined
  const relative = mount.subPath ?? path.slice(mount.mountPath.length).replace(/^\/+/, '')
  const { kind, name, items } = source
  return { kind, name, namespace, key: items?.find((item) => item.path === relative)?.key ?? relative }
}

function mountAt(
  spec: ClusterPodSpec,
  path: string,
): NonNullable<ClusterContainer['volumeMounts']>[number] | undefined {
  return webhookContainer(spec)?.volumeMounts?.find(
    ({ mountPath }) => path === mountPath || path.startsWith(`${mountPath.replace(/\/$/, '')}/`),
  )
}

/** The serving container; admins may put sidecars in front of it. */
export function webhookContainer({ containers }: ClusterPodSpec): ClusterContainer | undefined {
  return containers.find(({ args }) => args?.includes('serve')) ?? containers[0]
}

/** `--config FILE` or `--config=FILE` */
export function argumentOf(container: ClusterContainer | undefined, option: string): string | undefined {
  const args = container?.args ?? []
  const at = args.indexOf(option)
  return at < 0 ? args.find((arg) => arg.startsWith(`${option}=`))?.slice(option.length + 1) : args[at + 1]
}

interface Source {
  readonly kind: MountedFile['kind']
  readonly name: string
  readonly items: readonly KeyToPath[] | undefined
}

function sourceOf(volume: ClusterVolume | undefined): Source | undefined {
  const { configMap, secret } = volume ?? {}
  if (configMap?.name !== undefined) return { kind: 'ConfigMap', name: configMap.name, items: configMap.items }
  return secret?.secretName === undefined ? undefined : { kind: 'Secret', name: secret.secretName, items: secret.items }
}

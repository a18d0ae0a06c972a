import { join, resolve } from 'node:path'
import { builtBinaries, completeDirectory, type GoBinary, type GoBinarySet } from './go-binaries.ts'

/** Absolute paths. */
export interface ControlPlaneBinaries {
  readonly etcd: string
  readonly kubeApiserver: string
  readonly kubeControllerManager: string
}

const controlPlane: GoBinarySet = {
  name: 'control-plane',
  binaries: [
    kubernetesComponent('kube-apiserver', 'about 5 minutes'),
    kubernetesComponent('kube-controller-manager', 'about 1.5 minutes'),
    {
      name: 'etcd',
      duration: 'about 1 minute',
      module: new URL('../../cluster/tools/etcd/', import.meta.url),
      dependency: 'go.etcd.io/etcd/server/v3',
      goPackage: 'go.etcd.io/etcd/server/v3',
      linkerFlags: () => '',
    },
  ],
  howToGoOn: 'set KUBEBUILDER_ASSETS to a directory that holds etcd, kube-apiserver and kube-controller-manager',
}

/** Takes the binaries from KUBEBUILDER_ASSETS when it is set, and else builds the pinned versions from source, once. */
export async function controlPlaneBinaries(): Promise<ControlPlaneBinaries> {
  const assets = process.env.KUBEBUILDER_ASSETS
  const names = controlPlane.binaries.map(({ name }) => name)
  return pathsIn(
    assets ? await completeDirectory('KUBEBUILDER_ASSETS', resolve(assets), names) : await builtBinaries(controlPlane),
  )
}

function pathsIn(directory: string): ControlPlaneBinaries {
  return {
    etcd: join(directory, 'etcd'),
    kubeApiserver: join(directory, 'kube-apiserver'),
    kubeControllerManager: join(directory, 'kube-controller-manager'),
  }
}

export function kubernetesComponent(name: string, duration: string): GoBinary {
  return {
    name,
    duration,
    module: new URL('../../cluster/tools/k8s/', import.meta.url),
    dependency: 'k8s.io/kubernetes',
    goPackage: `k8s.io/kubernetes/cmd/${name}`,
    linkerFlags: kubernetesVersionFlags,
  }
}

/** Linker flags of a release build; without them GET /version answers v0.0.0 and clients take the server for an old one. */
function kubernetesVersionFlags(version: string): string {
  const [major, minor] = version.replace('v', '').split('.')
  return Object.entries({
    gitVersion: version,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
    gitCommit: '0'.repeat(40),
    buildDate: '1970-01-01T00:00:00Z',
  })
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(' ')
}

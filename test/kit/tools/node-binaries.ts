/** Programs that make this machine a node: from pinned sources, and from the packages of Debian, of which none is installed. */
import { readdir, symlink } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { kubernetesComponent } from './control-plane-binaries.ts'
import { unpackedPackages } from './debian-packages.ts'
import { builtBinaries, type GoBinary, type GoBinarySet } from './go-binaries.ts'

/** Absolute paths. */
export interface NodeBinaries {
  readonly kubeScheduler: string
  readonly kubelet: string
  readonly kubeProxy: string
  readonly containerd: string
  readonly ctr: string
  readonly cniDirectory: string
  /** containerd looks for its shim and for runc on the PATH, kube-proxy for iptables, and these for their libraries. */
  readonly environment: NodeJS.ProcessEnv
}

const node: GoBinarySet = {
  name: 'node',
  binaries: [
    kubernetesComponent('kube-scheduler', 'about 0.5 minutes'),
    kubernetesComponent('kubelet', 'about 1 minute'),
    kubernetesComponent('kube-proxy', 'about 0.5 minutes'),
    containerdCommand('containerd', 'about 1.5 minutes'),
    containerdCommand('containerd-shim-runc-v2', 'a few seconds'),
    containerdCommand('ctr', 'a few seconds'),
  ],
  howToGoOn: 'leave the tests with a node to CI',
}

// iptables and its libraries are for kube-proxy. libseccomp is runc's.
const packages = [
  'runc',
  'libseccomp2',
  'containernetworking-plugins',
  'iptables',
  'libip4tc2',
  'libip6tc2',
  'libxtables12',
  'libmnl0',
  'libnetfilter-conntrack3',
  'libnfnetlink0',
  'libnftnl11',
]

/** Builds and downloads what is not there yet. */
export async function nodeBinaries(): Promise<NodeBinaries> {
  const built = await builtBinaries(node)
  const root = await unpackedPackages('node', packages, nameIptables)
  const libraries = await libraryDirectory(root)
  return {
    kubeScheduler: join(built, 'kube-scheduler'),
    kubelet: join(built, 'kubelet'),
    kubeProxy: join(built, 'kube-proxy'),
    containerd: join(built, 'containerd'),
    ctr: join(built, 'ctr'),
    cniDirectory: join(root, 'usr', 'lib', 'cni'),
    environment: {
      PATH: [built, join(root, 'usr', 'sbin'), process.env.PATH ?? ''].join(delimiter),
      LD_LIBRARY_PATH: libraries,
      XTABLES_LIBDIR: join(libraries, 'xtables'),
    },
  }
}

/** The package leaves these links to update-alternatives. */
async function nameIptables(root: string): Promise<void> {
  const names = ['iptables', 'ip6tables'].flatMap((name) => [name, `${name}-save`, `${name}-restore`])
  for (const name of names) await symlink('xtables-nft-multi', join(root, 'usr', 'sbin', name))
}

/** /usr/lib/x86_64-linux-gnu, or what it is called on another architecture. */
async function libraryDirectory(root: string): Promise<string> {
  const directory = join(root, 'usr', 'lib')
  const triplet = (await readdir(directory)).find((name) => name.endsWith('-linux-gnu'))
  if (triplet === undefined) throw new Error(`there are no libraries in ${directory}`)
  return join(directory, triplet)
}

function containerdCommand(name: string, duration: string): GoBinary {
  return {
    name,
    duration,
    module: new URL('../../cluster/tools/containerd/', import.meta.url),
    dependency: 'github.com/containerd/containerd/v2',
    goPackage: `github.com/containerd/containerd/v2/cmd/${name}`,
    linkerFlags: (version) => `-X github.com/containerd/containerd/v2/version.Version=${version}`,
    // Without the snapshotters that need C.
    tags: 'netgo,osusergo,no_btrfs,no_devmapper,no_zfs',
  }
}

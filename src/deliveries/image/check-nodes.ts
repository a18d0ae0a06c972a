/** Checks that the kubelet and container runtime of nodes for these pods support image volumes. */
import type { Node } from '../../cluster/objects.ts'
import { compareClusterVersions, parseClusterVersion, type ClusterVersion } from '../../values/cluster-version.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { whyNot, type Lookup } from '../../diagnosis/lookup.ts'
import { hasByDefault } from './check-versions.ts'
import type { Consumer } from '../shared/requested-model.ts'

/** Older runtimes support image volumes without subPath, or not at all. */
const leastRuntimes: Readonly<Record<string, ClusterVersion>> = {
  containerd: { major: 2, minor: 1 },
  'cri-o': { major: 1, minor: 33 },
}

export function checkImageNodes(nodes: Lookup<readonly Node[]>, consumers: readonly Consumer[]): readonly Finding[] {
  if (nodes.state !== 'found') return [unchecked('node-runtime', whyNot(nodes))]
  const able = nodes.value.filter((node) => mayTake(node, consumers))
  if (able.length === 0) return [unchecked('node-runtime', 'there is no Linux node yet for these pods')]
  const problems = able.flatMap((node) => {
    const problem = nodeProblem(node)
    return problem === undefined ? [] : [{ name: node.metadata.name, problem }]
  })
  if (problems.length === 0) {
    return [ok('node-runtime', `${[...new Set(able.map(describeNode))].join('; ')} (nodes: ${able.length})`)]
  }
  return [...Map.groupBy(problems, ({ problem }) => problem)].map(([problem, same]) =>
    nodeFinding(
      problem,
      same.map(({ name }) => name),
      able.length === problems.length,
    ),
  )
}

function nodeFinding(problem: string, names: readonly string[], isEverywhere: boolean): Finding {
  const what = `${problem}: ${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`
  return withCommands(
    isEverywhere ? error('node-runtime', what) : warning('node-runtime', what),
    'kubectl get nodes -o wide',
  )
}

/** Fargate nodes only run pods that a Fargate profile selects. */
function mayTake({ metadata: { labels = {} }, status }: Node, consumers: readonly Consumer[]): boolean {
  if (status?.nodeInfo?.operatingSystem !== 'linux' || labels['eks.amazonaws.com/compute-type'] === 'fargate') {
    return false
  }
  return (
    consumers.length === 0 ||
    consumers.some(({ spec }) => Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value))
  )
}

function nodeProblem({ status }: Node): string | undefined {
  const { containerRuntimeVersion = '', kubeletVersion = '' } = status?.nodeInfo ?? {}
  const kubelet = parseClusterVersion(kubeletVersion)
  if (kubelet.ok && !hasByDefault(kubelet.value)) return `the kubelet ${kubeletVersion} has image volumes turned off`
  return runtimeProblem(containerRuntimeVersion)
}

/** `containerd://2.1.4` */
function runtimeProblem(written: string): string | undefined {
  const [name = '', text = ''] = written.split('://')
  const least = leastRuntimes[name]
  if (least === undefined) return `image volumes are not known to work with ${written}`
  const version = parseClusterVersion(text)
  return version.ok && compareClusterVersions(version.value, least) < 0
    ? `${name} ${text} does not mount image volumes with a directory; ${least.major}.${least.minor} does`
    : undefined
}

function describeNode({ status }: Node): string {
  const { containerRuntimeVersion = '', kubeletVersion = '' } = status?.nodeInfo ?? {}
  return `kubelet ${kubeletVersion}, ${containerRuntimeVersion}`
}

/** Faults of nodes that have a model in their image. */
import type { Case } from './case.ts'
import { added, all, goodTaint, changed, gone, modelPath, node, nodeLabel, object, workload } from './good-worlds.ts'

const noNodes = gone('Node', 'node-1')
const template = (change: object): ReturnType<typeof changed> =>
  changed('NodePool', 'llama', { spec: { template: change } })
const ofClass = (change: object): ReturnType<typeof changed> => changed('EC2NodeClass', 'llama', change)
const runs = (spec: object): ReturnType<typeof changed> =>
  changed('Deployment', 'apps/my-app', { spec: { template: { spec } } })
const enforces = (level: string): ReturnType<typeof changed> =>
  changed('Namespace', 'apps', { metadata: { labels: { 'pod-security.kubernetes.io/enforce': level } } })
const notReady = (why: string): object => ({
  status: {
    conditions: [
      { type: 'Ready', status: 'False' },
      { type: why, status: 'False', reason: 'Because', message: 'it is so' },
    ],
  },
})
const otherImage = { spec: { amiSelectorTerms: [{ tags: { other: 'x' } }] } }

export const nodeCases: readonly Case[] = [
  {
    what: 'no Karpenter and no nodes',
    change: all(noNodes, (world) => ({ ...world, unknownKinds: ['nodepools', 'ec2nodeclasses'] })),
    problems: [['karpenter', 'error']],
    says: /knows no NodePools \(karpenter\.sh\/v1\) and no EC2NodeClasses/,
  },
  {
    what: 'no NodePool',
    change: all(noNodes, gone('NodePool', 'llama')),
    problems: [['node-pool', 'error']],
    says: new RegExp(`no NodePool declares ${nodeLabel}: present$`),
  },
  {
    what: 'no NodePool, but a node',
    change: gone('NodePool', 'llama'),
    problems: [['node-pool', 'warning']],
    says: /only the nodes that are there have the model/,
  },
  {
    what: 'a NodePool that has the label on itself',
    change: all(
      noNodes,
      changed('NodePool', 'llama', {
        metadata: { labels: { [nodeLabel]: 'present' } },
        spec: { template: { metadata: { labels: null } } },
      }),
    ),
    problems: [['node-pool', 'error']],
    says: /llama has the label on itself instead of its template/,
    command: new RegExp(
      `^kubectl patch nodepool llama --type merge -p '\\{"spec":\\{"template":\\{"metadata":\\{"labels":\\{"${nodeLabel}":"present"\\}\\}\\}\\}\\}'$`,
    ),
  },
  {
    what: 'a NodePool with another value',
    change: all(noNodes, template({ metadata: { labels: { [nodeLabel]: 'true' } } })),
    problems: [['node-pool', 'error']],
    says: /llama says \S+: true/,
  },
  {
    what: 'a NodePool with the image alone',
    change: all(noNodes, template({ metadata: { labels: null } })),
    problems: [['node-pool', 'error']],
    says: /llama has the image/,
  },
  {
    what: 'a NodePool that is not ready',
    change: changed('NodePool', 'llama', notReady('NodeClassReady')),
    problems: [['node-pool-ready', 'error']],
    says: /not ready: NodeClassReady, Because, it is so/,
    command: /^kubectl describe nodepool llama$/,
  },
  {
    what: 'a NodePool at its limit',
    change: changed('NodePool', 'llama', { status: { resources: { cpu: '100' } } }),
    problems: [['node-pool-ready', 'warning']],
    says: /reached its limit: 100 of 100 cpu/,
  },
  {
    what: 'a NodePool of which Karpenter has said nothing',
    change: changed('NodePool', 'llama', { status: { conditions: [] } }),
    problems: [['node-pool-ready', 'unchecked']],
  },
  {
    what: 'a NodePool without the taint',
    change: template({ spec: { taints: null } }),
    problems: [['node-pool-taints', 'warning']],
    command: /"taints":\[\{"key":"models\.example\.io\/baked","effect":"NoSchedule"\}\]/,
  },
  {
    what: 'a taint that pods do not tolerate',
    change: template({ spec: { taints: [goodTaint, { key: 'gpu', value: 'yes', effect: 'NoSchedule' }] } }),
    problems: [['node-pool-taints', 'error']],
    says: /taint gpu=yes:NoSchedule, which deployment\/my-app does not tolerate/,
    command: /"taints":\[\{"key":"models\.example\.io\/baked","effect":"NoSchedule"\}\]/,
  },
  {
    what: 'pods of another architecture',
    change: runs({ nodeSelector: { 'kubernetes.io/arch': 'arm64' } }),
    problems: [['node-pool-taints', 'error']],
    says: /selects kubernetes\.io\/arch: arm64, and nodes of llama have In amd64/,
  },
  {
    what: 'an EC2NodeClass that is not there',
    change: all(
      gone('EC2NodeClass', 'llama'),
      added(object('karpenter.k8s.aws/v1', 'EC2NodeClass', 'other', { spec: otherImage.spec })),
    ),
    problems: [['node-class', 'error']],
    says: /llama names the EC2NodeClass llama, which is not there/,
  },
  {
    what: 'an EC2NodeClass of another name',
    change: template({ spec: { nodeClassRef: { name: 'lama' } } }),
    problems: [['node-class', 'error']],
    command: /"nodeClassRef":\{"name":"llama"\}/,
  },
  {
    what: 'an EC2NodeClass that is not ready',
    change: ofClass(notReady('SubnetsReady')),
    problems: [['node-class', 'error']],
    says: /SubnetsReady/,
    command: /^kubectl describe ec2nodeclass llama$/,
  },
  {
    what: 'a stock image',
    change: ofClass({ spec: { amiSelectorTerms: [{ alias: 'al2023@latest' }] } }),
    problems: [['node-image', 'error']],
    says: /takes the stock image al2023@latest/,
    command: new RegExp(`"tags":\\{"${nodeLabel}":"present"\\}`),
  },
  {
    what: 'an image by its name alone',
    change: ofClass({ spec: { amiSelectorTerms: [{ name: 'llama' }] } }),
    problems: [['node-image', 'warning']],
    says: /takes any image called llama, from any owner/,
  },
  {
    what: 'no image',
    change: ofClass({ status: { amis: [] } }),
    problems: [['node-image', 'error']],
    says: /selects no image/,
  },
  {
    what: 'a node with another value',
    change: added(node('node-2', { [nodeLabel]: 'true' })),
    problems: [['baked-nodes', 'warning']],
    command: new RegExp(`^kubectl label node node-2 --overwrite ${nodeLabel}=present$`),
  },
  {
    what: 'a node without the taint',
    change: added(node('node-2', { [nodeLabel]: 'present' })),
    problems: [['baked-nodes', 'warning']],
    command: /^kubectl taint nodes node-2 models\.example\.io\/baked:NoSchedule$/,
  },
  {
    what: 'nodes that take no pods',
    change: changed('Node', 'node-1', { spec: { unschedulable: true } }),
    problems: [['baked-nodes', 'warning']],
    says: /of 1 with the model none is ready/,
  },
  {
    what: 'a namespace that forbids hostPath',
    change: enforces('restricted'),
    problems: [['pod-security', 'error']],
    says: /restricted, which forbids hostPath/,
    command: /^kubectl label namespace apps --overwrite pod-security\.kubernetes\.io\/enforce=privileged$/,
  },
  {
    what: 'a DaemonSet for every node',
    change: added(workload({ source: `node://${modelPath}` }, {}, 'DaemonSet', 'agent')),
    problems: [['daemon-set', 'warning']],
    command: new RegExp(
      `^kubectl patch daemonset agent -n apps --type merge -p '\\{"spec":\\{"template":\\{"spec":\\{"nodeSelector":\\{"${nodeLabel}":"present"\\}\\}\\}\\}\\}'$`,
    ),
  },
  {
    what: 'a pod that names its node',
    change: runs({ nodeName: 'node-7' }),
    problems: [['daemon-set', 'warning']],
    says: /names its node, node-7/,
  },
  {
    what: 'no PodDisruptionBudget',
    change: gone('PodDisruptionBudget', 'apps/my-app'),
    problems: [['disruption-budget', 'warning']],
    says: /deployment\/my-app has 2 pods and no PodDisruptionBudget/,
    command: /^kubectl create poddisruptionbudget my-app -n apps --selector=app=my-app --max-unavailable=1$/,
  },
]

export const nodeFine: readonly Pick<Case, 'what' | 'change'>[] = [
  { what: 'nodes without Karpenter', change: (world) => ({ ...world, unknownKinds: ['nodepools', 'ec2nodeclasses'] }) },
  { what: 'no node yet', change: noNodes },
  {
    what: 'a label that the pool has as a requirement',
    change: template({
      metadata: { labels: null },
      spec: { requirements: [{ key: nodeLabel, operator: 'In', values: ['present'] }] },
    }),
  },
  {
    what: 'a DaemonSet that selects the label',
    change: added(
      workload({ source: `node://${modelPath}` }, { nodeSelector: { [nodeLabel]: 'present' } }, 'DaemonSet', 'agent'),
    ),
  },
  {
    what: 'a taint that pods tolerate by its value',
    change: all(
      template({ spec: { taints: [goodTaint, { key: 'gpu', value: 'yes', effect: 'NoSchedule' }] } }),
      runs({ tolerations: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] }),
    ),
  },
  {
    what: 'a taint that only advises',
    change: template({ spec: { taints: [goodTaint, { key: 'gpu', effect: 'PreferNoSchedule' }] } }),
  },
  {
    what: 'one pod without a PodDisruptionBudget',
    change: all(
      gone('PodDisruptionBudget', 'apps/my-app'),
      changed('Deployment', 'apps/my-app', { spec: { replicas: 1 } }),
    ),
  },
]

/** Karpenter's objects for nodes with the model: Karpenter makes nodes only for labels that a NodePool declares. */
import { bakedTaint } from './inject.ts'
import { nodeLabelValue } from '../../pod/scheduling.ts'
import { explain, type Tree } from '../../render/tree.ts'

export interface NodePlan {
  readonly name: string
  /** The label that pods with the model select. */
  readonly label: string
  readonly annotationPrefix: string
  readonly nodeRole: string
  /** Value of `karpenter.sh/discovery` on subnets and security groups. */
  readonly discovery: string
  readonly architecture: 'amd64' | 'arm64'
  /** Empty for any of the usual categories. */
  readonly instanceTypes: readonly string[]
  readonly cpuLimit: number
  readonly rootVolumeGiB: number
  /** True if pods have to declare the selector and toleration themselves, because the webhook does not add them. */
  readonly byHand: boolean
}

export function nodeClass(plan: NodePlan): Tree {
  const discovery = [{ tags: { 'karpenter.sh/discovery': plan.discovery } }]
  return {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name: plan.name },
    spec: {
      amiFamily: 'AL2023',
      amiSelectorTerms: explain(
        "By tags, which only this account can give to its images; a name could be anybody's. The newest one is taken.",
        [{ tags: { [plan.label]: nodeLabelValue } }],
      ),
      role: plan.nodeRole,
      subnetSelectorTerms: discovery,
      securityGroupSelectorTerms: discovery,
      blockDeviceMappings: [
        {
          deviceName: '/dev/xvda',
          ebs: {
            volumeSize: explain('At least that of the image.', `${plan.rootVolumeGiB}Gi`),
            volumeType: 'gp3',
            throughput: explain(
              'The first read comes from the snapshot, over the network; the default of 125 is slow for models.',
              1000,
            ),
            iops: 4000,
            encrypted: true,
            deleteOnTermination: true,
          },
        },
      ],
      metadataOptions: explain('Pods do not reach the role of their node.', {
        httpTokens: 'required',
        httpPutResponseHopLimit: 1,
      }),
    },
  }
}

export function nodePool(plan: NodePlan): Tree {
  const { key, effect } = bakedTaint(plan.annotationPrefix)
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name: plan.name },
    spec: {
      template: {
        metadata: { labels: { [plan.label]: explain(labelReason(plan), nodeLabelValue) } },
        spec: {
          nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: plan.name },
          taints: [
            explain(
              plan.byHand
                ? 'Only pods that tolerate it come here.'
                : 'Only pods with a model come here: the webhook adds the toleration.',
              { key, effect },
            ),
          ],
          requirements: requirements(plan),
        },
      },
      limits: explain('Karpenter makes no nodes beyond this limit.', { cpu: plan.cpuLimit }),
      disruption: {
        consolidationPolicy: 'WhenEmptyOrUnderutilized',
        consolidateAfter: '5m',
        budgets: explain('A new image replaces nodes one after the other; PodDisruptionBudgets of the apps are kept.', [
          { nodes: '1' },
        ]),
      },
    },
  }
}

function labelReason({ byHand, label }: NodePlan): string {
  return byHand
    ? `Image volumes go to any node, so the pod itself has to select this label, ${label}, and to tolerate the taint.`
    : 'The label that the webhook makes pods select; without it here they stay Pending.'
}

function requirements({ architecture, instanceTypes }: NodePlan): readonly Tree[] {
  const types =
    instanceTypes.length > 0
      ? { key: 'node.kubernetes.io/instance-type', operator: 'In', values: instanceTypes }
      : explain('Compute, general, memory and GPU instances; --instance-type says it more narrowly.', {
          key: 'karpenter.k8s.aws/instance-category',
          operator: 'In',
          values: ['c', 'm', 'r', 'g', 'p'],
        })
  return [
    explain('An image is for one architecture.', { key: 'kubernetes.io/arch', operator: 'In', values: [architecture] }),
    { key: 'kubernetes.io/os', operator: 'In', values: ['linux'] },
    types,
  ]
}

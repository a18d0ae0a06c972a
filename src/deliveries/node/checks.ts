/** The rows of the closed table for `check --delivery node`. */
import { row } from '../../diagnosis/check-row.ts'
import { findingsAbout } from '../../diagnosis/finding.ts'
import { sharedChecks } from '../shared/checks.ts'

export const nodeChecks = {
  karpenter: row({
    about: 'node: Karpenter is installed, or nodes with the model are there already.',
    why: 'without either no node has the model, and pods stay Pending',
    remedy: 'install Karpenter 1.0 or later, or label and taint nodes of the image by hand',
  }),
  'node-pool': row({
    about: 'node: a NodePool declares the label that the webhook makes pods select.',
    why: 'Karpenter makes nodes only for labels that a NodePool declares: pods stay Pending',
    remedy: 'apply what model-injector render node prints for this path',
  }),
  'node-pool-ready': row({
    about: 'node: the NodePool is ready and below its limits.',
    why: 'Karpenter makes no node from one that is not',
    remedy: 'see what Karpenter says: kubectl describe nodepool',
  }),
  'node-pool-taints': row({
    about:
      'node: the NodePool has the taint that keeps other pods away, and none that pods with the model do not tolerate; its other labels fit their node selectors.',
    why: 'Karpenter makes no node for pods that could not run on it; without the taint any pod fills the nodes with the model',
    remedy: 'keep to the taint that the webhook tolerates',
  }),
  'node-class': row({
    about: 'node: the EC2NodeClass that the NodePool names is there and ready.',
    why: 'Karpenter makes no node without it',
    remedy: 'apply what model-injector render node prints, and see what Karpenter says: kubectl describe ec2nodeclass',
  }),
  'node-image': row({
    about: 'node: the EC2NodeClass selects images by tags or owner, and found one.',
    why: 'an alias is a stock image without the model, and a name alone can be given to an image by others',
    remedy: 'select by the tag that the pipeline of model-injector render node gives to its images',
  }),
  'baked-nodes': row({
    about: 'node: nodes that say by their label that they have the model are ready, and keep other pods away.',
    why: 'pods wait for such a node; one that was labelled by hand may not have the directory',
    remedy: 'see the nodes: kubectl get nodes, with the label as -L',
  }),
  'pod-security': row({
    about: 'node: the namespace allows hostPath.',
    why: 'the Pod Security Standards baseline and restricted forbid hostPath, and the API server refuses the pods',
    remedy:
      'run the pods in another namespace, or bake the model as an OCI image (model-injector render node --oci) and mount it as an image volume',
  }),
  'daemon-set': row({
    about: 'node: no DaemonSet asks for the model on nodes that do not have it, and no pod names its node.',
    why: 'pods of a DaemonSet are bound to their nodes before the webhook sees them, and stay Pending where the model is not',
    remedy: 'name the label in nodeSelector of the template',
  }),
  'disruption-budget': row({
    about: 'node: workloads with several pods have a PodDisruptionBudget.',
    why: 'Karpenter replaces every node when the image changes, and without a budget takes several pods of one workload at once',
    remedy: 'create a PodDisruptionBudget',
  }),
} as const

export const { ok, warning, error, unchecked } = findingsAbout({ ...sharedChecks, ...nodeChecks })

/** The rows of the closed table for `check --delivery image`. */
import { row } from '../../diagnosis/check-row.ts'
import { findingsAbout } from '../../diagnosis/finding.ts'
import { installationChecks } from '../../diagnosis/installation-checks.ts'
import { sharedChecks } from '../shared/checks.ts'

export const imageChecks = {
  'image-volumes': row({
    about: 'image: the API server keeps image volumes, as 1.35 and later do.',
    why: 'an API server that does not know the field makes an empty directory of it, or refuses the pod',
    remedy: 'upgrade the cluster to 1.35 or later, or use another delivery',
  }),
  'node-runtime': row({
    about: 'image: the nodes have a kubelet of 1.35 and containerd 2.1, or CRI-O 1.33, or later ones.',
    why: 'on an older node the pod does not start: CreateContainerError, or the volume is not mounted',
    remedy: 'upgrade the nodes, or keep the pods away from the old ones',
  }),
  'pull-secrets': row({
    about: 'image: the pull secrets of pods and of their service account are there, and one is for the registry.',
    why: 'the node pulls the model with them: ImagePullBackOff',
    remedy: 'create the secret in the namespace of the pods: kubectl create secret docker-registry',
  }),
} as const

export const { ok, warning, error, unchecked } = findingsAbout({
  ...sharedChecks,
  ...imageChecks,
  'cluster-version': installationChecks['cluster-version'],
})

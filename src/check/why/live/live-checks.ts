/** The closed table of what `why` looks at in the live state of pods and of the objects that own them. */
import { row } from '../../../diagnosis/check-row.ts'
import { findingsAbout } from '../../../diagnosis/finding.ts'

export const liveChecks = {
  'workload-pods': row({
    about: 'The object has all of its pods.',
    why: 'a pod that is refused exists nowhere: only the events of its controller tell of it',
    remedy: 'see the events of the controller with kubectl describe',
  }),
  'workload-progress': row({
    about: 'The rollout of a Deployment makes progress, and a Job has not failed.',
    why: 'a Deployment keeps its old pods when new ones do not become ready, and a failed Job makes no pod any more',
    remedy: 'look at the newest pods',
  }),
  'workload-owned': row({
    about: 'All objects between the object and its pods could be read.',
    why: 'pods of objects that cannot be read are not counted',
    remedy: 'grant what the message names',
  }),
  'pod-injected': row({
    about: 'A pod whose annotations ask for a model has it.',
    why: 'its app starts without the model, or with an older one of the image',
    remedy: 'delete the pod, so that its controller makes a new one: only creation injects',
  }),
  'pod-ended': row({
    about: 'The pod was not ended from outside: evicted, or past its deadline.',
    why: 'an evicted pod does not come back, only its controller makes another',
    remedy: 'raise what the message names',
  }),
  'pod-scheduled': row({
    about: 'The pod is on a node.',
    why: 'nothing of the pod starts before',
    remedy: 'see the events of the pod with kubectl describe',
  }),
  'pod-sandbox': row({
    about: 'The node could make the sandbox of the pod: its network and its runtime.',
    why: 'no container starts before',
    remedy: 'look at the network plugin and the runtime class of the node',
  }),
  'pod-volumes': row({
    about: 'The volumes of the pod are attached and mounted.',
    why: 'no container starts before, and the kubelet tries again without an end',
    remedy: 'correct what the message names',
  }),
  'pod-init': row({
    about: 'The other init containers run, or have ended with 0.',
    why: 'containers of a pod start one after the other: the app waits for all of them',
    remedy: 'see the log of that container',
  }),
  'pod-loader': row({
    about: 'The loader has ended with 0.',
    why: 'the app starts only when its model is there and proven',
    remedy: 'see the log of the loader',
  }),
  'pod-app': row({
    about: 'The containers of the app run.',
    why: 'the model is there, and the app does not run',
    remedy: 'see the log of the container',
  }),
  'pod-events': row({
    about: 'No other warning was written about the pod.',
    why: 'the kubelet and controllers say there what they cannot do',
    remedy: 'see the events of the pod with kubectl describe',
  }),
} as const

export const { ok, warning, error, unchecked } = findingsAbout(liveChecks)

/** The kinds whose pods are known, and where these are in their objects: for the names in messages, and the table of the docs. */
import { makeArgoPod, makeKServePod, makeRevisionPod, makeSparkPod, makeTrainPod, type MakePod } from './made-pods.ts'

export interface PodPlace {
  /** `spec.workerGroupSpecs[].template`: `[]` is each item of a list, `*` each value of a map. */
  readonly at: string
  /** Its word in messages, before the name of the item. */
  readonly word?: string
  /** The field of the item that holds its name; a map has names of its own. */
  readonly namedBy?: string
  /** For what is no pod template. */
  readonly made?: MadePlace
}

export interface MadePlace {
  /** Places of annotations that reach the pod, from the object or, with a dot, below the place; the last one wins. */
  readonly annotations: readonly string[]
  readonly make: MakePod
  /** Nearly a pod template, which takes the parts of an injection. */
  readonly isTemplate?: true
}

export interface KnownKind {
  readonly kind: string
  readonly group: string
  readonly places: readonly PodPlace[]
  /** For people who read the table. */
  readonly note?: string
}

const template: readonly PodPlace[] = [{ at: 'spec.template' }]

/** Objects of these have their pod in one place, whatever else is in them. */
export const builtInPlaces: Readonly<Record<string, readonly string[]>> = {
  '/Pod': [],
  '/PodTemplate': ['template'],
  '/ReplicationController': ['spec', 'template'],
  'apps/Deployment': ['spec', 'template'],
  'apps/ReplicaSet': ['spec', 'template'],
  'apps/StatefulSet': ['spec', 'template'],
  'apps/DaemonSet': ['spec', 'template'],
  'batch/Job': ['spec', 'template'],
  'batch/CronJob': ['spec', 'jobTemplate', 'spec', 'template'],
}

function rayPlaces(at: string): readonly PodPlace[] {
  return [
    { at: `${at}.headGroupSpec.template`, word: 'head' },
    { at: `${at}.workerGroupSpecs[].template`, word: 'workers', namedBy: 'groupName' },
  ]
}

function jobSetPlaces(at: string): readonly PodPlace[] {
  return [{ at: `${at}.replicatedJobs[].template.spec.template`, word: 'job', namedBy: 'name' }]
}

function kubeflowJob(kind: string, field: string): KnownKind {
  return { kind, group: 'kubeflow.org', places: [{ at: `spec.${field}.*.template`, word: 'replicas' }] }
}

function argoKind(kind: string, at: string): KnownKind {
  const annotations = [
    `${at}.podMetadata.annotations`,
    `${at}.templateDefaults.metadata.annotations`,
    '.metadata.annotations',
  ]
  return {
    kind,
    group: 'argoproj.io',
    places: [{ at: `${at}.templates[]`, word: 'step', namedBy: 'name', made: { annotations, make: makeArgoPod } }],
    note: `\`${at}.podMetadata.annotations\` are those of every step. The container is called \`main\`.`,
  }
}

function sparkKind(kind: string, at: string): KnownKind {
  const made = { annotations: ['.template.metadata.annotations', '.annotations'], make: makeSparkPod }
  return {
    kind,
    group: 'sparkoperator.k8s.io',
    places: [
      { at: `${at}.driver`, word: 'driver', made },
      { at: `${at}.executor`, word: 'executor', made },
    ],
    note: 'The containers are called `spark-kubernetes-driver` and `spark-kubernetes-executor`.',
  }
}

function runtimeKind(kind: string): KnownKind {
  const made = { annotations: ['.annotations'], make: makeKServePod }
  return {
    kind,
    group: 'serving.kserve.io',
    places: [
      { at: 'spec', made },
      { at: 'spec.workerSpec', word: 'workers', made },
    ],
    note: 'Annotations of a runtime are those of every InferenceService that uses it.',
  }
}

const revision = { annotations: ['.metadata.annotations'], make: makeRevisionPod, isTemplate: true } as const

const kservePart = { annotations: ['metadata.annotations', '.annotations'], make: makeKServePod }

export const knownKinds: readonly KnownKind[] = [
  { kind: 'RayCluster', group: 'ray.io', places: rayPlaces('spec') },
  {
    kind: 'RayJob',
    group: 'ray.io',
    places: [...rayPlaces('spec.rayClusterSpec'), { at: 'spec.submitterPodTemplate', word: 'submitter' }],
  },
  { kind: 'RayService', group: 'ray.io', places: rayPlaces('spec.rayClusterConfig') },
  { kind: 'JobSet', group: 'jobset.x-k8s.io', places: jobSetPlaces('spec') },
  {
    kind: 'LeaderWorkerSet',
    group: 'leaderworkerset.x-k8s.io',
    places: [
      { at: 'spec.leaderWorkerTemplate.leaderTemplate', word: 'leader' },
      { at: 'spec.leaderWorkerTemplate.workerTemplate', word: 'workers' },
    ],
    note: 'Without a `leaderTemplate` the leader is one of the workers.',
  },
  kubeflowJob('PyTorchJob', 'pytorchReplicaSpecs'),
  kubeflowJob('TFJob', 'tfReplicaSpecs'),
  kubeflowJob('MPIJob', 'mpiReplicaSpecs'),
  kubeflowJob('XGBoostJob', 'xgbReplicaSpecs'),
  kubeflowJob('JAXJob', 'jaxReplicaSpecs'),
  kubeflowJob('PaddleJob', 'paddleReplicaSpecs'),
  {
    kind: 'TrainJob',
    group: 'trainer.kubeflow.org',
    places: [
      {
        at: 'spec.podTemplateOverrides[]',
        word: 'override',
        made: { annotations: ['.metadata.annotations'], make: makeTrainPod },
      },
    ],
    note: '`spec.annotations` are those of the JobSet, not of its pods. Where overrides have no `metadata`, annotate the TrainingRuntime.',
  },
  { kind: 'TrainingRuntime', group: 'trainer.kubeflow.org', places: jobSetPlaces('spec.template.spec') },
  { kind: 'ClusterTrainingRuntime', group: 'trainer.kubeflow.org', places: jobSetPlaces('spec.template.spec') },
  {
    kind: 'Rollout',
    group: 'argoproj.io',
    places: template,
    note: 'With `workloadRef` the template is that of the Deployment.',
  },
  argoKind('Workflow', 'spec'),
  argoKind('WorkflowTemplate', 'spec'),
  argoKind('ClusterWorkflowTemplate', 'spec'),
  argoKind('CronWorkflow', 'spec.workflowSpec'),
  {
    kind: 'Service',
    group: 'serving.knative.dev',
    places: [{ at: 'spec.template', made: revision }],
    note: 'A container without a name is called `user-container`.',
  },
  {
    kind: 'Configuration',
    group: 'serving.knative.dev',
    places: [{ at: 'spec.template', made: revision }],
  },
  {
    kind: 'InferenceService',
    group: 'serving.kserve.io',
    places: [
      { at: 'spec.predictor', word: 'predictor', made: kservePart },
      { at: 'spec.transformer', word: 'transformer', made: kservePart },
      { at: 'spec.explainer', word: 'explainer', made: kservePart },
    ],
    note: '`metadata.annotations` are those of all its pods. The container of the model is called `kserve-container`.',
  },
  runtimeKind('ServingRuntime'),
  runtimeKind('ClusterServingRuntime'),
  sparkKind('SparkApplication', 'spec'),
  sparkKind('ScheduledSparkApplication', 'spec.template'),
]

/** Kinds of these have no pods that read a model, so annotations that a tool wrote to all objects say nothing there. */
export const groupsWithoutPods = [
  'acme.cert-manager.io',
  'argoproj.io/Application',
  'argoproj.io/ApplicationSet',
  'argoproj.io/AppProject',
  'autoscaling.x-k8s.io',
  'cert-manager.io',
  'cilium.io',
  'external-secrets.io',
  'karpenter.k8s.aws',
  'karpenter.sh',
  'keda.sh',
  'kueue.x-k8s.io',
  'kyverno.io',
  'monitoring.coreos.com',
  'networking.istio.io',
  'policies.kyverno.io',
  'secrets-store.csi.x-k8s.io',
  'security.istio.io',
  'telemetry.istio.io',
  'traefik.io',
] as const

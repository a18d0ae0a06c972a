/** Manifests as people write them, and what is expected of them. */
import type { Operation } from 'fast-json-patch'
import { parse } from 'yaml'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { inject } from '../../../src/inject/inject.ts'

export const deployment = `# The inference service of the apps team
apiVersion: apps/v1
kind: Deployment
metadata:
  name: my-inference-app
  namespace: apps
spec:
  replicas:   1   # scaled by hand
  selector: {matchLabels: {app: my-inference-app}}
  template:
    metadata:
      annotations:
        models.example.io/source: s3://my-ml-bucket/model-artifacts/my-model-1.2.3/
        models.example.io/mount-path: "/app/model-artifacts"
        models.example.io/size: 20Gi
        models.example.io/expect: objects=12
    spec:
      containers:
      - name: app   # the app

        image: 'example/my-inference-app:3.5.0'
        resources: {limits: {cpu: 1.0, memory: 1e9}}
      terminationGracePeriodSeconds: 0o17
`

export const configMap = `apiVersion: v1
kind: ConfigMap
metadata: {name:   settings}
data:
     a:   "b"   # odd, but theirs
`

export const cronJobManifest = `apiVersion: batch/v1
kind: CronJob
metadata:
  name: nightly
spec:
  schedule: "0 0 * * *"
  jobTemplate:
    spec:
      template:
        metadata:
          annotations: {models.example.io/source: "s3://models/llama/", models.example.io/size: 1Gi, models.example.io/expect: objects=1}
        spec:
          restartPolicy: Never
          containers: [{name: score, image: example/score}]
`

/** Two mistakes, both in annotations. */
export const badJob = `apiVersion: batch/v1
kind: Job
metadata:
  name: broken
spec:
  template:
    metadata:
      annotations:
        models.example.io/source: s3://models/llama/
        models.example.io/sise: 1Gi
        models.example.io/mount-path: relative
    spec:
      restartPolicy: Never
      containers:
      - name: app
        image: example/app
`

export interface PodTemplate {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> }
  readonly spec: { readonly initContainers?: readonly { readonly name: string }[] }
}

export interface Workload {
  readonly kind: string
  readonly spec: { readonly template: PodTemplate }
}

export interface ObjectPatch {
  readonly kind: string
  readonly name: string
  readonly namespace?: string
  readonly patch: Operation[]
}

export function template(text: string): PodTemplate {
  return (parse(text) as Workload).spec.template
}

/** The core's result for the template, which is also the webhook's answer. */
export function injectedTemplate(text: string, namespace: string): unknown {
  const outcome = inject(template(text), namespace, defaultConfig)
  if (outcome.outcome !== 'injected') throw new Error(`the fixture is ${outcome.outcome}`)
  return outcome.pod
}

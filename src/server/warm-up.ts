/**
 * Answers made-up admissions before the port opens: code is slow when it runs for the first time, and the first pod of a new replica would
 * wait for that.
 */
import { admit, type Admission } from '../admission/admit.ts'
import { readReview, reviewApiVersion, reviewKind } from '../admission/review.ts'
import { defaultConfig } from '../config/parse-config.ts'
import type { Reason } from '../reasons.ts'

/** Each with a second pass. After these the first pod takes half as long; more of them only put the start off. */
const admissions = 20

/** By the default configuration, as an operator's may deny the pod at once. Nothing is counted or logged. Returns all reasons of answers. */
export function warmUp(): ReadonlySet<Reason> {
  const reasons = new Set<Reason>()
  for (let i = 0; i < admissions; i++) {
    const { outcome } = answer(annotatedPod)
    reasons.add(outcome.reason)
    if (outcome.outcome === 'injected') reasons.add(answer(outcome.pod).outcome.reason)
  }
  return reasons
}

function answer(object: object): Admission {
  const review = readReview(JSON.parse(JSON.stringify(reviewOf(object))))
  if (!review.ok) throw new Error(`a made-up review that cannot be read: ${review.problem}`)
  const admission = admit(review.request, defaultConfig)
  JSON.stringify(admission.review)
  return admission
}

function reviewOf(object: object): object {
  return {
    apiVersion: reviewApiVersion,
    kind: reviewKind,
    request: {
      uid: 'made-up',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'default',
      operation: 'CREATE',
      object,
    },
  }
}

const prefix = defaultConfig.annotationPrefix

const annotatedPod = {
  metadata: {
    generateName: 'app-',
    labels: { app: 'app' },
    annotations: {
      [`${prefix}source`]: 's3://bucket/model/',
      [`${prefix}size`]: '20Gi',
      [`${prefix}env`]: 'MODEL_PATH',
    },
  },
  spec: {
    serviceAccountName: 'default',
    containers: [
      {
        name: 'app',
        image: 'registry.example.com/app:1',
        env: [{ name: 'PORT', value: '8080' }],
        resources: { requests: { cpu: '2', memory: '8Gi' }, limits: { memory: '8Gi' } },
        volumeMounts: [{ name: 'config', mountPath: '/etc/app', readOnly: true }],
      },
    ],
    initContainers: [{ name: 'init', image: 'registry.example.com/init:1' }],
    volumes: [{ name: 'config', configMap: { name: 'app' } }],
  },
}

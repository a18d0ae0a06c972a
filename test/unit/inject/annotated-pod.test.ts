import t from 'tap'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { annotatedPod } from '../../../src/inject/annotated-pod.ts'
import { inject } from '../../../src/inject/inject.ts'
import { podWith } from '../../kit/webhook/pods.ts'

const prefix = 'models.example.io/'

t.test('an annotated pod has the annotations of users, the status and the loaders of an injection', (t) => {
  const outcome = inject(podWith({ source: 's3://models/llama/', size: '1Gi' }), 'team', defaultConfig)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  const { annotations, annotationsHash, status, loaders } = annotatedPod(outcome.pod, prefix)
  t.strictSame(
    annotations.map(({ name }) => name),
    ['size', 'source'],
  )
  t.equal(status?.annotations, annotationsHash)
  t.strictSame(loaders, outcome.pod.spec.initContainers)
  t.end()
})

t.test('a container with the name of a loader alone is no loader', (t) => {
  const pod = podWith({ source: 's3://models/llama/' }, { initContainers: [{ name: 'model-loader', image: 'x' }] })
  t.strictSame(annotatedPod(pod, prefix).loaders, [])
  t.equal(annotatedPod(pod, prefix).status, undefined)
  t.end()
})

t.test('the hash of annotations does not depend on their order in the pod', (t) => {
  const hashOf = (annotations: Record<string, string>): string =>
    annotatedPod(podWith(annotations), prefix).annotationsHash
  const source = 's3://models/llama/'
  t.equal(hashOf({ source, size: '1Gi' }), hashOf({ size: '1Gi', source }))
  t.not(hashOf({ source, size: '1Gi' }), hashOf({ source, size: '2Gi' }))
  t.end()
})

/** A pod is checked where it is read: a field that is looked at later has the type it is taken for. */
import t from 'tap'
import { readPod } from '../../src/pod/read-pod.ts'

function podWith(spec: object, container: object = {}): object {
  return { spec: { containers: [{ name: 'app', ...container }], ...spec } }
}

const malformed: readonly (readonly [field: string, pod: object, problem: string])[] = [
  [
    'spec.containers[0].volumeMounts[0].subPath',
    podWith({}, { volumeMounts: [{ name: 'a', mountPath: '/a', subPath: 1 }] }),
    'must be string',
  ],
  [
    'spec.containers[0].volumeMounts[0].readOnly',
    podWith({}, { volumeMounts: [{ name: 'a', mountPath: '/a', readOnly: 'yes' }] }),
    'must be boolean',
  ],
  [
    'spec.volumes[0].persistentVolumeClaim.readOnly',
    podWith({ volumes: [{ name: 'a', persistentVolumeClaim: { claimName: 'a', readOnly: 1 } }] }),
    'must be boolean',
  ],
  [
    'spec.securityContext.fsGroupChangePolicy',
    podWith({ securityContext: { fsGroupChangePolicy: {} } }),
    'must be string',
  ],
  ['spec.imagePullSecrets[0].name', podWith({ imagePullSecrets: [{ name: 1 }] }), 'must be string'],
]

for (const [field, pod, problem] of malformed) {
  t.test(`${field} of another type is refused where it is`, (t) => {
    t.match(readPod(pod), { ok: false, diagnostic: { reason: 'InvalidPod', field, problem } })
    t.end()
  })
}

t.test('null stands for nothing, and fields that are not looked at may hold anything', (t) => {
  const pod = podWith(
    { securityContext: { fsGroupChangePolicy: null }, imagePullSecrets: [{ name: null }], newField: [1] },
    { volumeMounts: [{ name: 'a', mountPath: '/a', subPath: null, readOnly: null, newField: {} }] },
  )
  t.strictSame(readPod(pod), { ok: true, pod })
  t.end()
})

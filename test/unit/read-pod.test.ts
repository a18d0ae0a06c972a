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
    t.match(readPod(pod), { ok: false, diagnostics: [{ reason: 'InvalidPod', field, problem }], omitted: {} })
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

function fieldsOf(pod: unknown): readonly string[] {
  const read = readPod(pod)
  return read.ok ? [] : read.diagnostics.map(({ field, problem }) => `${field} ${problem}`)
}

t.test('every malformed field is named, in one answer', (t) => {
  const pod = {
    metadata: { annotations: { 'a.example/b~c': true, __proto__: 'x', 'models.example.io/size': 20 }, labels: [] },
    spec: {
      containers: [
        { name: '' },
        { image: 1 },
        5,
        { name: 'a', env: [{ name: 'A', value: 1 }], resources: { limits: { cpu: [] } } },
      ],
      volumes: {},
      securityContext: { runAsUser: -1 },
    },
  }
  t.strictSame(fieldsOf(pod).toSorted(), [
    'metadata.annotations[a.example/b~c] must be string; write it in quotes',
    'metadata.annotations[models.example.io/size] must be string; write it in quotes',
    'metadata.labels must be object',
    'spec.containers[0].name must NOT have fewer than 1 characters',
    "spec.containers[1] must have required property 'name'",
    'spec.containers[1].image must be string',
    'spec.containers[2] must be object',
    'spec.containers[3].env[0].value must be string',
    'spec.containers[3].resources.limits.cpu must be number',
    'spec.securityContext.runAsUser must be >= 0',
    'spec.volumes must be array',
  ])
  t.end()
})

t.test('what follows from a malformed field is no mistake of its own', (t) => {
  t.strictSame(fieldsOf(5), ['pod must be object'])
  t.strictSame(fieldsOf({}), ["pod must have required property 'spec'"])
  t.strictSame(fieldsOf({ spec: {} }), ["spec must have required property 'containers'"])
  t.strictSame(fieldsOf({ spec: { containers: [] } }), ['spec.containers must NOT have fewer than 1 items'])
  t.strictSame(fieldsOf({ spec: { containers: 'app', volumes: [3] } }), [
    'spec.containers must be array',
    'spec.volumes[0] must be object',
  ])
  t.end()
})

t.test('every name that another has is named, of containers and of volumes', (t) => {
  const named = (...names: readonly string[]): readonly object[] => names.map((name) => ({ name }))
  t.strictSame(
    fieldsOf({ spec: { containers: named('a', 'b', 'a'), initContainers: named('b'), volumes: named('a', 'a') } }),
    [
      'spec.containers[2].name has the name of another: a',
      'spec.initContainers[0].name has the name of another: b',
      'spec.volumes[1].name has the name of another: a',
    ],
  )
  t.end()
})

t.test('after twenty the others are counted, and a pod of thousands of values is read up to its first mistake', (t) => {
  const env = Array.from({ length: 30 }, (_, i) => ({ name: `A${i}`, value: i }))
  t.match(readPod(podWith({}, { env })), { ok: false, diagnostics: { length: 20 }, omitted: { InvalidPod: 10 } })
  const volumes = Array.from({ length: 5000 }, () => 1)
  t.match(readPod(podWith({ volumes })), { ok: false, diagnostics: { length: 1 }, omitted: {} })
  t.end()
})

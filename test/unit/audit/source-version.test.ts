import t from 'tap'
import { ownerOf } from '../../../src/audit/owner.ts'
import { splitVersion } from '../../../src/audit/source-version.ts'

const cases: readonly (readonly [source: string, family: string, version: string | undefined])[] = [
  ['s3://b/models/my-model-1.2.3/', 's3://b/models/my-model', '1.2.3'],
  ['s3://b/models/my-model/1.2.3/', 's3://b/models/my-model', '1.2.3'],
  ['s3://b/models/my-model/v3/', 's3://b/models/my-model', 'v3'],
  ['s3://b/models/my-model/2024-06-01/', 's3://b/models/my-model', '2024-06-01'],
  ['s3://b/models/my-model_v3.gguf', 's3://b/models/my-model.gguf', 'v3'],
  ['s3://b/models/my-model-1.2.3-rc1/', 's3://b/models/my-model', '1.2.3-rc1'],
  ['s3://b/models/llama-7b/', 's3://b/models/llama-7b', undefined],
  ['s3://b/1.2.3/', 's3://b', '1.2.3'],
  ['pvc://models', 'pvc://models', undefined],
  ['pvc://models/llama/1.2.3', 'pvc://models/llama', '1.2.3'],
  ['node:///opt/models/llama-3.1', 'node:///opt/models/llama', '3.1'],
  [
    `oci://r.example.com/llama@sha256:${'0123456789abcdef'.repeat(4)}#weights`,
    'oci://r.example.com/llama#weights',
    '0123456789ab',
  ],
  ['nonsense', 'nonsense', undefined],
  ['x'.repeat(100_000), 'x'.repeat(100_000), undefined],
]

for (const [source, family, version] of cases) {
  t.test(`${source.slice(0, 60)} is version ${version ?? '(none)'}`, (t) => {
    t.strictSame(splitVersion(source), { family, ...(version !== undefined && { version }) })
    t.end()
  })
}

t.test('a pod of a Deployment belongs to that, not to its ReplicaSet', (t) => {
  const replicaSet = { kind: 'ReplicaSet', name: 'my-app-7d4b9c6f5', controller: true }
  t.strictSame(ownerOf({ ownerReferences: [replicaSet], labels: { 'pod-template-hash': '7d4b9c6f5' } }), {
    kind: 'Deployment',
    name: 'my-app',
  })
  t.strictSame(ownerOf({ ownerReferences: [replicaSet], labels: {} }), { kind: 'ReplicaSet', name: 'my-app-7d4b9c6f5' })
  t.strictSame(ownerOf({ ownerReferences: [{ kind: 'StatefulSet', name: 'db', controller: true }] }), {
    kind: 'StatefulSet',
    name: 'db',
  })
  t.equal(ownerOf({ ownerReferences: [{ kind: 'Node', name: 'n' }] }), undefined)
  t.equal(ownerOf({}), undefined)
  t.end()
})

/** Rendered objects for FSx keep to the rules by which Trident shares volumes, and the rules notice violations. */
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { tridentProblems, type TridentObject } from '../kit/cluster/trident-rules.ts'
import { renderedVariants } from './renderings.ts'

t.setTimeout(300_000)

async function fsxObjects(): Promise<TridentObject[]> {
  const files = (await renderedVariants()).find(({ name }) => name === 'fsx, all of it')?.files ?? {}
  return parseAllDocuments(files['kubernetes.yaml'] ?? '').map((document) => document.toJS() as TridentObject)
}

t.test('the claim of every namespace may be imported', async (t) => {
  const objects = await fsxObjects()
  t.strictSame(tridentProblems(objects, 'trident'), [])
  t.strictSame(
    objects
      .filter(
        ({ metadata, kind }) =>
          kind === 'PersistentVolumeClaim' && metadata.annotations?.['trident.netapp.io/shareFromPVC'] !== undefined,
      )
      .map(({ metadata }) => metadata.namespace),
    ['apps', 'ml'],
  )
})

const breaks: readonly (readonly [what: string, from: string, to: string, problem: RegExp])[] = [
  [
    'a blank in the list of namespaces',
    '"apps,ml"',
    '"apps, ml"',
    /^ml\/some-model: model-store\/some-model is not shared to its namespace$/,
  ],
  ['a file system type', '"backendType":"ontap-nas"', '"backendType":"ontap-nas","fsType":"ext4"', /has a fsType/],
  ['binding that waits for a pod', '"Immediate"', '"WaitForFirstConsumer"', /does not bind at once/],
  ['a backend elsewhere', '"namespace":"trident"', '"namespace":"kube-system"', /Trident reads only trident/],
  ['an ARN without its last characters', 'secret:svm-AbCdEf', 'secret:svm', /no whole ARN/],
  [
    'another class',
    '"storageClassName":"models-ontap-nas","accessModes":["ReadOnlyMany"]',
    '"storageClassName":"other","accessModes":["ReadOnlyMany"]',
    /^apps\/some-model: has another storage class/,
  ],
  [
    'a larger claim',
    '"accessModes":["ReadOnlyMany"],"resources":{"requests":{"storage":"200Gi"}}',
    '"accessModes":["ReadOnlyMany"],"resources":{"requests":{"storage":"201Gi"}}',
    /is larger than/,
  ],
  [
    'a reference in the wrong namespace',
    '"kind":"TridentVolumeReference","metadata":{"name":"some-model","namespace":"apps"}',
    '"kind":"TridentVolumeReference","metadata":{"name":"some-model","namespace":"model-store"}',
    /^apps\/some-model: its namespace has no TridentVolumeReference/,
  ],
  ['volumes that go with their claims', '"Retain"', '"Delete"', /deletes the models/],
]

for (const [what, from, to, problem] of breaks) {
  t.test(`the rules would notice ${what}`, async (t) => {
    const text = JSON.stringify(await fsxObjects())
    t.ok(text.includes(from), from)
    const problems = tridentProblems(JSON.parse(text.replace(from, to)) as TridentObject[], 'trident')
    t.ok(
      problems.some((found) => problem.test(found)),
      problems.join('; '),
    )
  })
}

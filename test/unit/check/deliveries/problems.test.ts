/** Each way in which what a delivery needs can be wrong gives its finding, and no other. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { deliveryChecks, type CheckedDelivery } from '../../../../src/deliveries/companions.ts'
import type { Finding } from '../../../../src/diagnosis/finding.ts'
import { nodeCases, nodeFine } from './node-cases.ts'
import type { Case } from './case.ts'
import { claimCases } from './claim-cases.ts'
import {
  added,
  all,
  changed,
  findingsIn,
  gone,
  mountpointClaim,
  mountpointVolume,
  object,
  problemsIn,
  workload,
  type Change,
} from './good-worlds.ts'
import { mountpointCases, mountpointFine } from './mountpoint-cases.ts'
import { imageCases, imageFine } from './image-cases.ts'

const cases: Readonly<Record<CheckedDelivery, readonly Case[]>> = {
  claim: claimCases,
  mountpoint: mountpointCases,
  node: nodeCases,
  image: imageCases,
}
const fine: Readonly<Record<CheckedDelivery, readonly Pick<Case, 'what' | 'change'>[]>> = {
  claim: [],
  mountpoint: mountpointFine,
  node: nodeFine,
  image: imageFine,
}
const names = Object.keys(cases) as CheckedDelivery[]
const reported: Finding[] = []

for (const name of names) {
  for (const { what, change, problems, says, command, options } of cases[name]) {
    t.test(`${name}: ${what} is reported`, async (t) => {
      const findings = await findingsIn(name, change, options)
      const wrong = findings.filter(({ severity }) => severity !== 'ok')
      t.strictSame(problemsIn(findings), problems, JSON.stringify(wrong, null, 1))
      if (says !== undefined) {
        t.ok(
          wrong.some((finding) => says.test(finding.what)),
          JSON.stringify(wrong, null, 1),
        )
      }
      if (command !== undefined) {
        t.ok(
          wrong.some(({ commands = [] }) => command.test(commands[0] ?? '')),
          JSON.stringify(wrong, null, 1),
        )
      }
      reported.push(...wrong)
    })
  }
  for (const { what, change } of fine[name]) {
    t.test(`${name}: ${what} is fine`, async (t) => {
      const findings = await findingsIn(name, change)
      t.strictSame(
        problemsIn(findings),
        [],
        JSON.stringify(
          findings.filter(({ severity }) => severity !== 'ok'),
          null,
          1,
        ),
      )
    })
  }
}

t.test('a namespace that is not there is the one error', async (t) => {
  const findings = await findingsIn('claim', gone('Namespace', 'apps'))
  t.strictSame(problemsIn(findings), [['namespace', 'error']])
  t.strictSame(findings[0]?.commands, ['kubectl create namespace apps'])
  reported.push(...findings)
})

t.test('a namespace that is being deleted is an error', async (t) => {
  t.strictSame(
    problemsIn(await findingsIn('image', changed('Namespace', 'apps', { status: { phase: 'Terminating' } }))),
    [['namespace', 'error']],
  )
})

t.test("a workload that the webhook would refuse is an error, in the webhook's words", async (t) => {
  const findings = await findingsIn('claim', added(workload({ source: 'pvc://Llama' }, {}, 'StatefulSet', 'wrong')))
  t.strictSame(problemsIn(findings), [['model-request', 'error']])
  t.match(
    findings.find(({ id, severity }) => id === 'model-request' && severity === 'error')?.what,
    /^statefulset\/wrong would be refused: .*"pvc:\/\/Llama" has the claim name "Llama"/,
  )
  reported.push(...findings)
})

t.test('consequences of the configuration are not judged if it is unknown', async (t) => {
  const without = gone('MutatingWebhookConfiguration', 'model-injector')
  t.strictSame(
    problemsIn(await findingsIn('node', without)),
    [
      ['configuration', 'unchecked'],
      ['model-request', 'unchecked'],
    ],
    'the built-in one allows no node://',
  )
  t.strictSame(problemsIn(await findingsIn('mountpoint', without)), [
    ['configuration', 'unchecked'],
    ['headroom-gate', 'unchecked'],
  ])
  t.strictSame(problemsIn(await findingsIn('image', without)), [
    ['configuration', 'unchecked'],
    ['cluster-version', 'unchecked'],
  ])
  const invalid = changed('ConfigMap', 'model-injector/settings', { data: { 'config.yaml': 'colour: red\n' } })
  t.strictSame(problemsIn(await findingsIn('image', invalid)), [
    ['configuration', 'error'],
    ['cluster-version', 'unchecked'],
  ])
})

t.test('without a workload that requests the delivery, the report says how to name a model', async (t) => {
  const findings = await findingsIn('mountpoint', gone('Deployment', 'apps/my-app'))
  t.strictSame(problemsIn(findings), [['model-request', 'unchecked']])
  t.match(
    findings.find(({ id }) => id === 'model-request')?.what,
    /no workload of the namespace apps requests a model by mountpoint; name one, as --source s3:/,
  )
})

t.test('a pod of a workload is not named in addition to it, one without an owner is', async (t) => {
  const template = { annotations: { 'models.example.io/source': 'pvc://llama/versions/1.2.3' } }
  const pod = (name: string, metadata: object, status = 'Running'): Change =>
    added(
      object('v1', 'Pod', `apps/${name}`, {
        metadata,
        spec: { containers: [{ name: 'app' }] },
        status: { phase: status },
      }),
    )
  const older = { annotations: { 'models.example.io/source': 'pvc://llama/versions/1.2.2' } }
  const findings = await findingsIn(
    'claim',
    all(
      pod('of-it', template),
      pod('older', older),
      pod('done', { annotations: { 'models.example.io/source': 'pvc://gone/x' } }, 'Succeeded'),
    ),
  )
  t.strictSame(problemsIn(findings), [])
  t.equal(
    findings.find(({ id }) => id === 'model-request')?.what,
    'pvc://llama/versions/1.2.3 by deployment/my-app; pvc://llama/versions/1.2.2 by pod/older',
  )
})

t.test(
  'a claim that is none of Trident is checked as a claim alone, and its deletion is never suggested',
  async (t) => {
    const efs = all(
      changed('PersistentVolumeClaim', 'apps/llama', {
        metadata: { annotations: null },
        spec: { storageClassName: 'efs', accessModes: ['ReadWriteOnce'] },
      }),
      changed('PersistentVolume', 'pvc-2', { spec: { csi: { driver: 'efs.csi.aws.com' } } }),
    )
    const findings = await findingsIn('claim', efs)
    t.strictSame(problemsIn(findings), [['claim-access', 'error']])
    t.strictSame(
      findings.flatMap(({ commands = [] }) => commands),
      [],
    )
  },
)

t.test('a claim of Mountpoint that got a volume of another kind is never suggested for deletion', async (t) => {
  const other = all(
    changed('PersistentVolumeClaim', `apps/${mountpointClaim}`, {
      spec: { storageClassName: 'gp3', accessModes: ['ReadWriteOnce'] },
    }),
    changed('PersistentVolume', mountpointVolume, { spec: { csi: { driver: 'ebs.csi.aws.com' } } }),
  )
  const findings = await findingsIn('mountpoint', other)
  t.strictSame(problemsIn(findings), [
    ['claim-access', 'error'],
    ['volume-driver', 'error'],
  ])
  t.strictSame(
    findings.flatMap(({ commands = [] }) => commands),
    [],
  )
})

const needed: Readonly<Record<CheckedDelivery, readonly string[]>> = {
  claim: [
    'namespaces',
    'deployments',
    'pods',
    'persistentvolumeclaims',
    'persistentvolumes',
    'storageclasses',
    'csidrivers',
    'tridentvolumereferences',
    'tridentbackendconfigs',
    'mutatingwebhookconfigurations',
  ],
  mountpoint: ['persistentvolumeclaims', 'persistentvolumes', 'csidrivers', 'serviceaccounts', 'jobs'],
  node: ['nodes', 'nodepools', 'ec2nodeclasses', 'namespaces', 'poddisruptionbudgets'],
  image: ['nodes', 'secrets'],
}

for (const name of names) {
  t.test(`${name}: what may not be looked at is not checked, and the missing permission is named`, async (t) => {
    for (const plural of needed[name]) {
      const findings = await findingsIn(name, (world) => ({ ...world, forbidden: [plural] }))
      const wrong = findings.filter(({ severity }) => severity !== 'ok')
      t.ok(
        wrong.some(({ what }) => new RegExp(`missing permission: (?:get|list) ${plural}[^ ]* in `).test(what)),
        `${plural}: ${JSON.stringify(wrong)}`,
      )
      t.strictSame(
        wrong.filter(({ severity }) => severity === 'error'),
        [],
        `${plural}: what is not known is no error`,
      )
    }
  })
}

t.test('every problem says why it matters and how to fix it', (t) => {
  for (const { severity, what, why, remedy } of reported.filter(({ severity }) => severity !== 'ok')) {
    t.equal(typeof why === 'string' && typeof remedy === 'string' && remedy !== '', severity !== 'unchecked', what)
  }
  t.end()
})

t.test('every row of the table is broken by some case, so that none is never wrong', (t) => {
  const broken = new Set(
    reported.filter(({ severity }) => severity === 'error' || severity === 'warning').map(({ id }) => id),
  )
  t.strictSame(
    Object.keys(deliveryChecks).filter((id) => !broken.has(id as keyof typeof deliveryChecks)),
    [],
  )
  t.end()
})

t.test('every command is one that a shell understands', async (t) => {
  const commands = [...new Set(reported.flatMap(({ commands = [] }) => commands))]
  t.ok(commands.length > 20, String(commands.length))
  await promisify(execFile)('sh', ['-n', '-c', commands.join('\n')])
  for (const command of commands) {
    t.match(command, /^(?:kubectl [a-z]+ |echo '\{.*\}' \| kubectl (?:create|apply) -f -$)/)
  }
})

/** Missing permissions are gathered, with the commands that grant them and no more. */
import t from 'tap'
import { explainRefusals, recordRefusals } from '../../../src/check/refusals.ts'
import { ClusterError, type Permission } from '../../../src/cluster/cluster-error.ts'
import type { Cluster } from '../../../src/cluster/cluster.ts'
import { resources } from '../../../src/cluster/resources.ts'
import type { Section } from '../../../src/diagnosis/section.ts'

const list = { verb: 'list', group: '', resource: 'pods' }
const listDeployments = { verb: 'list', group: 'apps', resource: 'deployments' }
const proxy = { verb: 'get', group: '', resource: 'pods/proxy', namespace: 'ml' }
const incomplete: readonly Section[] = [{ title: 'x', findings: [{ id: 'y', severity: 'unchecked', what: 'z' }] }]

t.test('each verb and place has a role and a binding for the caller', (t) => {
  const [section] = explainRefusals(incomplete, [list, proxy, listDeployments, list], 'eve@example.com')
  const [finding] = section?.findings ?? []
  t.match(finding, {
    severity: 'unchecked',
    what: 'missing permissions: list pods in the whole cluster; get pods/proxy in the namespace ml; list deployments.apps in the whole cluster',
  })
  t.strictSame(finding?.commands, [
    'kubectl create clusterrole model-injector-check-list --verb=list --resource=pods,deployments.apps',
    'kubectl create clusterrolebinding model-injector-check-list --clusterrole=model-injector-check-list --user=eve@example.com',
    'kubectl create role model-injector-check-get --verb=get --resource=pods/proxy -n ml',
    'kubectl create rolebinding model-injector-check-get --role=model-injector-check-get --user=eve@example.com -n ml',
  ])
  t.end()
})

t.test('verbs that go together are one role', (t) => {
  const forward = { verb: 'get,create', group: '', resource: 'pods/portforward', namespace: 'ml' }
  const [section] = explainRefusals(incomplete, [forward], 'eve')
  const [finding] = section?.findings ?? []
  t.equal(finding?.what, 'missing permissions: get and create pods/portforward in the namespace ml')
  t.equal(
    finding?.commands?.[0],
    'kubectl create role model-injector-check-get-create --verb=get,create --resource=pods/portforward -n ml',
  )
  t.end()
})

t.test('a service account is bound as one', (t) => {
  const [section] = explainRefusals(incomplete, [list], 'system:serviceaccount:ci:gate')
  t.match(section?.findings[0]?.commands?.[1], /--serviceaccount=ci:gate$/)
  t.end()
})

t.test('nothing is said where everything was looked at in some other way', (t) => {
  t.strictSame(explainRefusals([{ title: 'x', findings: [{ id: 'y', severity: 'ok', what: '' }] }], [list], 'eve'), [])
  t.strictSame(explainRefusals(incomplete, [], 'eve'), [])
  t.end()
})

t.test('every way of asking is recorded, and its error is thrown as before', async (t) => {
  const refuse = (missing: Permission): ClusterError => new ClusterError('no', { status: 403, missing })
  const { cluster, refusals } = recordRefusals({
    get: () => Promise.reject(refuse({ ...list, verb: 'get' })),
    dryRunCreate: () => Promise.reject(refuse({ ...list, verb: 'create' })),
    fetchFromPod: () => Promise.reject(refuse(proxy)),
    connectToPod: () => Promise.reject(new ClusterError('gone')),
    // eslint-disable-next-line @typescript-eslint/require-await -- the interface is that of a network
    async *list() {
      throw refuse(list)
    },
  } as unknown as Cluster)
  const pod = { namespace: 'ml', name: 'x', port: 1 }
  await t.rejects(cluster.get(resources.pods, 'x'), ClusterError)
  await t.rejects(cluster.dryRunCreate(resources.pods, {}), ClusterError)
  await t.rejects(cluster.fetchFromPod(pod, '/'), ClusterError)
  await t.rejects(cluster.connectToPod(pod), { message: 'gone' })
  await t.rejects(cluster.list(resources.pods).next(), ClusterError)
  t.strictSame(
    refusals.map(({ verb }) => verb),
    ['get', 'create', 'get', 'list'],
  )
})

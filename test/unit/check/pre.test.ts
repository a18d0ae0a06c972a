/** Obstacles of an installation are found before it, each with its words. */
import t from 'tap'
import type { Severity } from '../../../src/diagnosis/finding.ts'
import { absent, found, unknown, type Lookup } from '../../../src/diagnosis/lookup.ts'
import type { DryRun } from '../../../src/cluster/cluster.ts'
import type { Deployment, KubernetesObject, Namespace } from '../../../src/cluster/objects.ts'
import { fullNameOf, namedObjects } from '../../../src/check/pre/chart-objects.ts'
import { preChecks } from '../../../src/check/pre/checks.ts'
import { judgeBefore } from '../../../src/check/pre/judge.ts'
import type { PreSurvey, Right } from '../../../src/check/pre/pre-survey.ts'
import { foreignRegistration } from './good-survey.ts'

const namespace = 'model-injector'

function object(name: string, metadata: object = {}): KubernetesObject {
  return { apiVersion: 'v1', kind: 'X', metadata: { name, ...metadata } }
}

function right(verb: string, resource: string, isGranted: boolean): Right {
  return { verb, group: 'apps', resource, namespace, isGranted }
}

const accepted: Lookup<DryRun> = found({ created: true, object: object('x'), warnings: [] })

function refused(status: number, message: string): Lookup<DryRun> {
  return found({ created: false, status, reason: '', message, warnings: [] })
}

function seen(objects: Readonly<Record<string, Lookup<KubernetesObject>>> = {}): PreSurvey['named'] {
  return namedObjects('model-injector', namespace).map((wanted) => ({
    ...wanted,
    seen: objects[wanted.resource.kind] ?? absent,
  }))
}

function ofRelease(name: string, where: string): Lookup<KubernetesObject> {
  const annotations = { 'meta.helm.sh/release-name': name, 'meta.helm.sh/release-namespace': where }
  return found(object('x', { annotations }))
}

const good: PreSurvey = {
  release: 'model-injector',
  namespace,
  withCertManager: true,
  delivery: undefined,
  version: { gitVersion: 'v1.36.2', major: 1, minor: 36 },
  target: found<Namespace>(object(namespace)),
  neighbours: found([]),
  named: seen(),
  rights: found([right('create', 'deployments', true)]),
  replicaPod: accepted,
  issuer: accepted,
  certificateKind: found(object('x', { labels: { 'app.kubernetes.io/version': 'v1.18.2' } })),
  registrations: found([foreignRegistration('pod-identity-webhook'), foreignRegistration('istio-sidecar-injector')]),
  podIdentityAgent: found({ ...object('x'), status: { desiredNumberScheduled: 3, numberReady: 3 } }),
  driver: absent,
}

type Case = readonly [
  what: string,
  change: Partial<PreSurvey>,
  id: keyof typeof preChecks,
  severity: Severity,
  says: string | RegExp,
]

const cases: readonly Case[] = [
  [
    'an old API server',
    { version: { gitVersion: 'v1.29.3', major: 1, minor: 29 } },
    'cluster-api',
    'error',
    'v1.29.3 is older than 1.30',
  ],
  ['the namespace default', { namespace: 'default' }, 'release-namespace', 'error', /^default has pods of others/],
  [
    'a namespace that is not there',
    { target: absent, replicaPod: absent },
    'release-namespace',
    'ok',
    /add --create-namespace$/,
  ],
  [
    'a namespace that is being deleted',
    { target: found({ ...object(namespace), status: { phase: 'Terminating' } }) },
    'release-namespace',
    'error',
    'model-injector is being deleted',
  ],
  [
    'a namespace with other workloads',
    { neighbours: found([object('shop'), object('model-injector')] as unknown as Deployment[]) },
    'release-namespace',
    'warning',
    /would get no models: shop$/,
  ],
  [
    'a namespace with a Pod Security level',
    { target: found(object(namespace, { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } })) },
    'release-namespace',
    'ok',
    /^model-injector, which enforces the Pod Security Standard restricted; hostNetwork/,
  ],
  [
    'a namespace that may not be read',
    { target: unknown('missing permission: get namespaces') },
    'release-namespace',
    'unchecked',
    /get namespaces$/,
  ],
  [
    'a quota',
    { replicaPod: refused(403, 'pods "x" is forbidden: exceeded quota: q') },
    'replica-pod',
    'error',
    'HTTP 403: pods "x" is forbidden: exceeded quota: q',
  ],
  [
    'no permission to try a pod',
    { replicaPod: unknown('missing permission: create pods') },
    'replica-pod',
    'unchecked',
    /create pods$/,
  ],
  [
    'a webhook configuration of another release',
    { named: seen({ MutatingWebhookConfiguration: ofRelease('old', 'ml') }) },
    'name-collision',
    'error',
    'the MutatingWebhookConfiguration model-injector is of the release old in the namespace ml',
  ],
  [
    'a Service of no release',
    { named: seen({ Service: found(object('model-injector')) }) },
    'name-collision',
    'error',
    'the Service model-injector/model-injector is there, and of no release of Helm',
  ],
  [
    'the same release',
    { named: seen({ MutatingWebhookConfiguration: ofRelease('model-injector', namespace) }) },
    'name-collision',
    'ok',
    '1 of 11 objects are of model-injector/model-injector: helm upgrade',
  ],
  [
    'a name that may not be read',
    { named: seen({ Service: unknown('missing permission: get services') }) },
    'name-collision',
    'unchecked',
    /get services$/,
  ],
  [
    'missing permissions',
    {
      rights: found([
        right('create', 'deployments', false),
        right('patch', 'deployments', false),
        right('get', 'deployments', true),
      ]),
    },
    'install-rights',
    'error',
    'missing permissions: create, patch deployments.apps in the namespace model-injector',
  ],
  ['permissions that cannot be asked for', { rights: unknown('HTTP 403') }, 'install-rights', 'unchecked', 'HTTP 403'],
  [
    'no cert-manager',
    { issuer: refused(404, '') },
    'cert-manager',
    'error',
    'the API server knows no Issuer of cert-manager.io/v1',
  ],
  ['cert-manager that is not wanted', { withCertManager: false, issuer: absent }, 'cert-manager', 'ok', /^not wanted/],
  [
    'a webhook of cert-manager that is away',
    {
      issuer: refused(
        500,
        'Internal error occurred: failed calling webhook "webhook.cert-manager.io": connection refused',
      ),
    },
    'cert-manager',
    'error',
    /^its webhook does not answer: HTTP 500: .*connection refused$/,
  ],
  [
    'a policy that refuses Issuers',
    { issuer: refused(403, 'denied by kyverno') },
    'cert-manager',
    'unchecked',
    /denied by kyverno$/,
  ],
  [
    'a cert-manager that deletes match conditions',
    { certificateKind: found(object('x', { labels: { 'app.kubernetes.io/version': 'v1.11.5' } })) },
    'cert-manager',
    'error',
    'v1.11.5 is older than 1.12',
  ],
  [
    'a cert-manager of an unknown version',
    { certificateKind: unknown('forbidden') },
    'cert-manager',
    'ok',
    /nothing says its version/,
  ],
  [
    'an identity webhook that sorts first',
    { registrations: found([foreignRegistration('amazon-eks-pod-identity-webhook')]) },
    'webhook-neighbours',
    'error',
    'amazon-eks-pod-identity-webhook would run before model-injector',
  ],
  [
    'webhooks that may not be listed',
    { registrations: unknown('forbidden') },
    'webhook-neighbours',
    'unchecked',
    'forbidden',
  ],
  [
    'no agent, and IRSA',
    { podIdentityAgent: absent },
    'credential-source',
    'warning',
    /pod-identity-webhook is there, for IRSA$/,
  ],
  [
    'neither agent nor IRSA',
    { podIdentityAgent: absent, registrations: found([]) },
    'credential-source',
    'warning',
    /no identity webhook for IRSA$/,
  ],
  [
    'an agent that is not on every node',
    { podIdentityAgent: found({ ...object('x'), status: { desiredNumberScheduled: 3, numberReady: 1 } }) },
    'credential-source',
    'warning',
    /ready on 1 of 3 nodes$/,
  ],
  ['no Mountpoint', { delivery: 'mountpoint' }, 'delivery-driver', 'error', /s3\.csi\.aws\.com\) is not there$/],
  ['no Trident', { delivery: 'claim' }, 'delivery-driver', 'warning', /csi\.trident\.netapp\.io\) is not there$/],
  ['Karpenter', { delivery: 'node', driver: found([]) }, 'delivery-driver', 'ok', /^Karpenter .* is there$/],
  [
    'a driver that may not be read',
    { delivery: 'claim', driver: unknown('forbidden') },
    'delivery-driver',
    'unchecked',
    'forbidden',
  ],
  [
    'an API server without image volumes',
    { delivery: 'image', version: { gitVersion: 'v1.34.0', major: 1, minor: 34 } },
    'delivery-driver',
    'error',
    'v1.34.0; image volumes need 1.35',
  ],
]

for (const [what, change, id, severity, says] of cases) {
  t.test(`${what} is ${severity}`, (t) => {
    const findings = judgeBefore({ ...good, ...change }).flatMap((section) => section.findings)
    t.match(
      findings.find((finding) => finding.id === id),
      { severity, what: says },
    )
    t.end()
  })
}

t.test('a cluster that is ready has nothing but ok', (t) => {
  const findings = judgeBefore(good).flatMap((section) => section.findings)
  t.strictSame([...new Set(findings.map(({ severity }) => severity))], ['ok'])
  t.match(
    findings.find(({ id }) => id === 'webhook-neighbours')?.what,
    'they will run so: istio-sidecar-injector, model-injector, pod-identity-webhook',
  )
  t.end()
})

t.test('every check of the table is broken by some case', (t) => {
  const broken = new Set(
    cases.filter(([, , , severity]) => severity === 'error' || severity === 'warning').map(([, , id]) => id),
  )
  t.strictSame(
    Object.keys(preChecks).filter((id) => !broken.has(id as keyof typeof preChecks)),
    [],
  )
  t.end()
})

t.test('the command for another release uninstalls that one', (t) => {
  const named = seen({ MutatingWebhookConfiguration: ofRelease('old', 'ml') })
  const findings = judgeBefore({ ...good, named }).flatMap((section) => section.findings)
  t.strictSame(findings.find(({ id }) => id === 'name-collision')?.commands, ['helm uninstall old -n ml'])
  t.end()
})

t.test('objects have the names of the chart', (t) => {
  t.equal(fullNameOf('model-injector-blue'), 'model-injector-blue')
  t.equal(fullNameOf('blue'), 'blue-model-injector')
  t.end()
})

/** Each way in which an installation can be wrong gives its finding, and no other. */
import t from 'tap'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { installationChecks } from '../../../src/diagnosis/installation-checks.ts'
import { checks, type CheckId } from '../../../src/check/checks.ts'
import type { Replica } from '../../../src/check/replicas.ts'
import type { Severity } from '../../../src/diagnosis/finding.ts'
import type { Survey } from '../../../src/check/survey.ts'
import type { ClusterPod, KubernetesObject, RoleBinding } from '../../../src/cluster/objects.ts'
import {
  findingsOfSurvey,
  foreignRegistration,
  goodSurvey,
  makeCertificates,
  problemsOf,
  registration,
  the,
  withWebhook,
} from './good-survey.ts'
import { absent, found, unknown } from '../../../src/diagnosis/lookup.ts'

const installationIds = Object.keys(installationChecks) as CheckId[]
const directory = t.testdir({})
const certificates = await makeCertificates(directory)
const other = await makeCertificates(directory, 'model-injector.model-injector.svc', 'other')
const misnamed = await makeCertificates(directory, 'elsewhere.model-injector.svc', 'misnamed')
const good = goodSurvey(certificates)
const dayMs = 24 * 60 * 60 * 1000

function configured(text: string, survey: Survey = good, loaderImage?: string): Survey {
  const result = parseConfig(text, loaderImage)
  const configHash = result.ok ? result.config.hash : undefined
  const replicas = the(survey.replicas).map((replica) => ({
    ...replica,
    metrics: found({ ...the(replica.metrics), configHash }),
  }))
  return { ...survey, configuration: found({ place: 'ConfigMap x', result }), replicas: found(replicas) }
}

function bound(binding: Partial<RoleBinding>): Survey {
  const object: KubernetesObject = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'b' },
  }
  const subjects = [{ kind: 'ServiceAccount', name: 'model-injector', namespace: 'model-injector' }]
  return {
    ...good,
    roleBindings: found([{ ...object, roleRef: { kind: 'ClusterRole', name: 'cluster-admin' }, subjects, ...binding }]),
  }
}

function withDeployment(change: object, spec: object = {}): Survey {
  const deployment = the(good.deployment)
  return { ...good, deployment: found({ ...deployment, ...change, spec: { ...deployment.spec, ...spec } }) }
}

/** A Deployment that names it, with a configuration that does not. */
function withLoaderImage(image: string): Survey {
  const [webhook] = the(good.deployment).spec.template.spec.containers
  const containers = [{ ...webhook, env: [{ name: 'MODEL_INJECTOR_LOADER_IMAGE', value: image }] }]
  return configured(
    '',
    withDeployment({}, { template: { spec: { ...the(good.deployment).spec.template.spec, containers } } }),
    image,
  )
}

function withImage(image: string): Survey {
  const { template } = the(good.deployment).spec
  const containers = template.spec.containers.map((container) => ({ ...container, image }))
  return withDeployment({}, { template: { ...template, spec: { ...template.spec, containers } } })
}

function withReplica(change: Partial<Replica>): Survey {
  const [first, ...rest] = the(good.replicas)
  if (first === undefined) throw new Error('there is no replica')
  return { ...good, replicas: found([...rest, { ...first, ...change }]) }
}

function answered(answer: Survey['probe']['answer']): Survey {
  return { ...good, probe: { namespace: 'default', answer } }
}

function refusedWith(message: string): Survey {
  return answered(found({ created: false, status: 500, reason: 'InternalError', message, warnings: [] }))
}

const ours = the(good.webhook)
const conditions = ours.matchConditions ?? []
const meta = (kind: string): KubernetesObject => ({ apiVersion: 'v1', kind, metadata: { name: 'x' } })
const policyNamed = (name: string, spec: object, status?: object): object => ({
  apiVersion: 'x/v1',
  kind: 'P',
  metadata: { name },
  spec,
  status,
})

const cases: readonly (readonly [
  what: string,
  survey: Survey,
  problems: readonly (readonly [CheckId, Severity])[],
  says?: string | RegExp,
])[] = [
  [
    'an API server that has no match conditions',
    { ...good, version: found({ gitVersion: 'v1.29.1', major: 1, minor: 29 }) },
    [['api-server', 'error']],
    /v1\.29\.1/,
  ],
  [
    'a configuration that takes the cluster for a newer one',
    configured('cluster: { version: "1.40" }\ndefaults: { image: "x@sha256:1" }'),
    [['cluster-version', 'error']],
    'the configuration says 1.40, and the API server is 1.36',
  ],
  [
    'a configuration that takes the cluster for an older one',
    configured('cluster: { version: "1.30" }\ndefaults: { image: "x@sha256:1" }'),
    [['cluster-version', 'warning']],
  ],

  [
    'rules that are not for pods',
    withWebhook(good, { rules: [{ apiGroups: ['apps'], operations: ['CREATE'], resources: ['deployments'] }] }),
    [['registered', 'error']],
  ],
  [
    'rules that are for DELETE too',
    withWebhook(good, { rules: [{ apiGroups: [''], operations: ['CREATE', 'DELETE'], resources: ['pods'] }] }),
    [['registered', 'error']],
    /DELETE/,
  ],
  [
    'match conditions that an old cainjector has deleted',
    withWebhook(good, { matchConditions: [] }),
    [['match-conditions', 'error']],
    /called for every pod/,
  ],
  [
    'match conditions for another prefix',
    withWebhook(good, {
      matchConditions: conditions.map(({ name, expression }) => ({
        name,
        expression: expression.replaceAll('models.example.io/', 'ml.example.com/'),
      })),
    }),
    [['match-conditions', 'error']],
    /annotated is .*ml\.example\.com.* and should be .*models\.example\.io/,
  ],
  [
    'match conditions without one that only spares work',
    withWebhook(good, { matchConditions: conditions.slice(0, 2) }),
    [['match-conditions', 'warning']],
    'not-a-mirror-pod is not there',
  ],
  [
    'another path',
    withWebhook(good, {
      clientConfig: { service: { namespace: 'model-injector', name: 'model-injector', path: '/inject', port: 443 } },
    }),
    [
      ['webhook-path', 'error'],
      ['ca-bundle', 'error'],
      ['certificate-trust', 'unchecked'],
    ],
    'the path is /inject, and the webhook serves /mutate alone',
  ],
  [
    'an objectSelector that asks for a label',
    withWebhook(good, { objectSelector: { matchLabels: { team: 'ml' } } }),
    [['object-selector', 'error']],
    'annotated pods are kept away unless their labels meet team In [ml]',
  ],
  [
    'Ignore without the guard',
    { ...withWebhook(good, { failurePolicy: 'Ignore' }), policies: found([]) },
    [
      ['failure-policy', 'warning'],
      ['guard-policy', 'warning'],
      ['placement-policy', 'warning'],
      ['values-policy', 'warning'],
    ],
    /start without their models/,
  ],
  [
    'a selector that has kube-system in it',
    withWebhook(good, {
      namespaceSelector: {
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['model-injector'] }],
      },
    }),
    [['namespace-selector', 'error']],
    'pods in kube-system are shown to the webhook',
  ],
  [
    'no selector, with Ignore',
    withWebhook(good, { namespaceSelector: {}, failurePolicy: 'Ignore' }),
    [['namespace-selector', 'warning']],
    /kube-system and model-injector/,
  ],
  ['a webhook that is asked once', withWebhook(good, { reinvocationPolicy: 'Never' }), [['reinvocation', 'warning']]],
  ['a long timeout', withWebhook(good, { timeoutSeconds: 30 }), [['timeout', 'warning']], '30 s'],

  [
    'an identity webhook that runs first',
    { ...good, registrations: found([registration(ours), foreignRegistration('amazon-eks-pod-identity-webhook')]) },
    [['webhook-order', 'error']],
    /amazon-eks-pod-identity-webhook runs before model-injector/,
  ],
  [
    'an identity webhook that is known by its webhook only',
    {
      ...good,
      registrations: found([registration(ours), foreignRegistration('a', { name: 'iam-for-pods.amazonaws.com' })]),
    },
    [['webhook-order', 'error']],
  ],
  [
    'a mesh that runs later, without a second look',
    {
      ...withWebhook(good, { reinvocationPolicy: 'Never' }),
      registrations: found([registration(ours), foreignRegistration('osm-webhook-osm')]),
    },
    [
      ['reinvocation', 'warning'],
      ['webhook-order', 'warning'],
    ],
    /osm-webhook-osm runs after/,
  ],
  [
    'a second installation',
    {
      ...good,
      registrations: found([registration(ours), foreignRegistration('old-injector', { matchConditions: conditions })]),
    },
    [['webhook-order', 'warning']],
    /old-injector looks at the same annotations/,
  ],
  [
    'irsa by default without an identity webhook',
    {
      ...configured('defaults: { credentials: irsa, image: "x@sha256:1" }'),
      registrations: found([registration(ours)]),
    },
    [['identity-webhook', 'error']],
  ],
  [
    'irsa by default with an identity webhook that may be passed over',
    configured('defaults: { credentials: irsa, image: "x@sha256:1" }'),
    [['identity-webhook', 'warning']],
    /failurePolicy Ignore, reinvocationPolicy Never/,
  ],

  [
    'a Certificate that waits for its issuer, while no replica is ready',
    {
      ...withDeployment({ status: { updatedReplicas: 2 } }),
      issued: found({
        ...meta('Certificate'),
        status: {
          conditions: [
            {
              type: 'Ready',
              status: 'False',
              reason: 'DoesNotExist',
              message: 'Issuing certificate as Secret\ndoes not exist',
            },
          ],
        },
      }),
    },
    [
      ['certificate-issued', 'error'],
      ['replicas', 'error'],
    ],
    'Certificate model-injector/model-injector is not ready; DoesNotExist: Issuing certificate as Secret does not exist',
  ],
  [
    'a Certificate that nobody looks at, while replicas are ready',
    { ...good, issued: found(meta('Certificate')) },
    [['certificate-issued', 'warning']],
    /has no condition: is cert-manager running\?$/,
  ],
  [
    'a Certificate that is gone',
    { ...good, issued: absent },
    [['certificate-issued', 'error']],
    'there is no Certificate model-injector/model-injector',
  ],
  [
    'a Certificate that may not be read',
    { ...good, issued: unknown('forbidden') },
    [['certificate-issued', 'unchecked']],
  ],
  [
    'an empty CA bundle',
    withWebhook(good, { clientConfig: { ...ours.clientConfig, caBundle: '' } }),
    [
      ['ca-bundle', 'error'],
      ['certificate-trust', 'unchecked'],
    ],
    'it is empty',
  ],
  [
    'a CA bundle that is none',
    withWebhook(good, { clientConfig: { ...ours.clientConfig, caBundle: 'eA==' } }),
    [
      ['ca-bundle', 'error'],
      ['certificate-trust', 'unchecked'],
    ],
  ],
  [
    'a CA bundle of somebody else',
    withWebhook(good, {
      clientConfig: { ...ours.clientConfig, caBundle: Buffer.from(other.caBundle).toString('base64') },
    }),
    [['certificate-trust', 'error']],
    /signed by CN=ca, which is not in the CA bundle \(CN=other\)/,
  ],
  [
    'a certificate for another name',
    goodSurvey(misnamed),
    [['certificate-name', 'error']],
    /DNS:elsewhere\.model-injector\.svc, not for model-injector\.model-injector\.svc/,
  ],
  [
    'a certificate near its end',
    { ...good, nowMs: good.nowMs + 26 * dayMs },
    [['certificate-expiry', 'warning']],
    /^[34] days left of 30$/,
  ],
  [
    'a certificate that has expired',
    { ...good, nowMs: good.nowMs + 40 * dayMs },
    [
      ['ca-bundle', 'error'],
      ['certificate-expiry', 'error'],
    ],
  ],
  [
    'a certificate of the future',
    { ...good, nowMs: good.nowMs - 2 * dayMs },
    [['certificate-expiry', 'error']],
    /not valid before/,
  ],
  [
    'a replica with an old certificate',
    withReplica({ certificate: found(other.served) }),
    [['certificate-served', 'warning']],
    /^not that of Secret .*: a$/,
  ],
  [
    'no way to the replicas',
    { ...good, replicas: unknown('cannot connect: HTTP 403') },
    [
      ['certificate-served', 'unchecked'],
      ['configuration-served', 'unchecked'],
    ],
    'cannot connect: HTTP 403',
  ],
  [
    'neither replica nor Secret to look at',
    { ...good, replicas: unknown('no replica is ready'), certificate: unknown('no permission') },
    [
      ['certificate-trust', 'unchecked'],
      ['certificate-name', 'unchecked'],
      ['certificate-expiry', 'unchecked'],
      ['certificate-served', 'unchecked'],
      ['configuration-served', 'unchecked'],
    ],
    'no replica is ready; no permission',
  ],

  [
    'no Service',
    { ...good, service: absent, endpointSlices: absent },
    [
      ['service', 'error'],
      ['endpoints', 'unchecked'],
    ],
    'there is no Service model-injector/model-injector',
  ],
  [
    'a Service with another port',
    { ...good, service: found({ ...the(good.service), spec: { ports: [{ port: 8443 }] } }) },
    [['service', 'error']],
    /has no port 443, only 8443/,
  ],
  [
    'no endpoints',
    { ...good, endpointSlices: found([]) },
    [['endpoints', 'error']],
    /the labels that the Service selects \(\{"app":"webhook"\}\)/,
  ],
  [
    'endpoints that are not ready',
    {
      ...good,
      endpointSlices: found([
        {
          ...the(good.endpointSlices)[0],
          endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: false } }],
        } as never,
      ]),
    },
    [['endpoints', 'error']],
    'none of 1 is ready',
  ],
  ['no Deployment', { ...good, deployment: absent }, [['replicas', 'error']]],
  ['no ready replica', withDeployment({ status: { updatedReplicas: 2 } }), [['replicas', 'error']], /^0 of 2 ready/],
  [
    'fewer replicas than specified',
    withDeployment({ status: { readyReplicas: 1, updatedReplicas: 2 } }),
    [['replicas', 'warning']],
    /^1 of 2 ready/,
  ],
  [
    'a single replica',
    withDeployment({ status: { readyReplicas: 1, updatedReplicas: 1 } }, { replicas: 1 }),
    [['replicas', 'warning']],
  ],
  [
    'a rollout that has begun',
    withDeployment({ status: { replicas: 3, readyReplicas: 2, updatedReplicas: 1 } }),
    [['rollout', 'warning']],
    'under way: 1 of 2 replicas are of the newest ReplicaSet',
  ],
  [
    'pods that a quota forbids',
    withDeployment({
      status: {
        readyReplicas: 2,
        updatedReplicas: 2,
        conditions: [
          {
            type: 'ReplicaFailure',
            status: 'True',
            reason: 'FailedCreate',
            message: 'pods "x" is forbidden: exceeded quota: q',
          },
        ],
      },
    }),
    [['replica-start', 'error']],
    'pods are not created, FailedCreate: pods "x" is forbidden: exceeded quota: q',
  ],

  [
    'a configuration with mistakes',
    { ...good, configuration: found({ place: 'ConfigMap x', result: parseConfig('colour: red') }) },
    [
      ['configuration', 'error'],
      ['configuration-served', 'warning'],
      ['loader-image', 'unchecked'],
    ],
    /^ConfigMap x: colour: unknown key/,
  ],
  [
    'a configuration that may not be read',
    { ...good, configuration: unknown('forbidden') },
    [
      ['configuration', 'unchecked'],
      ['configuration-served', 'unchecked'],
      ['loader-image', 'unchecked'],
    ],
    'forbidden',
  ],
  [
    'a replica that refused the configuration',
    withReplica({ metrics: found({ configHash: 'x', configIsCurrent: false, certificateIsCurrent: true }) }),
    [['configuration-served', 'warning']],
    /was refused, and the old one is in force: a$/,
  ],
  [
    'a replica that works with another',
    withReplica({ metrics: found({ configHash: '0123', configIsCurrent: true, certificateIsCurrent: true }) }),
    [['configuration-served', 'warning']],
    /^not that of ConfigMap .*: a \(0123\)$/,
  ],

  [
    'an image of another version',
    withImage('registry.example.com:5000/model-injector:v9.9.9'),
    [['version', 'warning']],
    /image 9\.9\.9/,
  ],
  [
    'a chart of another version',
    withDeployment({
      metadata: { name: 'x', namespace: 'model-injector', labels: { 'helm.sh/chart': 'model-injector-0.0.9' } },
    }),
    [['version', 'warning']],
    /chart of the Deployment 0\.0\.9/,
  ],
  [
    'a loader by tag',
    configured('defaults: { image: "registry.example.com/model-injector:1" }'),
    [['loader-image', 'warning']],
    /is not pinned by digest/,
  ],
  [
    'a loader that neither Deployment nor configuration has named',
    configured(''),
    [['loader-image', 'error']],
    /which no registry has; the webhook itself runs registry\.example\.com:5000/,
  ],
  [
    'a loader of another image than the webhook, as an image transformer leaves it',
    withLoaderImage(`registry.example.com/model-injector@sha256:${'2'.repeat(64)}`),
    [['loader-image', 'warning']],
    /^loaders run registry.*, and the webhook itself registry/,
  ],
  [
    'a loader by tag with a webhook by digest',
    withLoaderImage(`registry.example.com:5000/model-injector:0.1.0`),
    [['loader-image', 'warning']],
    /and the webhook itself/,
  ],

  ['no guard', { ...good, policies: found(the(good.policies).slice(1)) }, [['guard-policy', 'warning']]],
  [
    'a guard without a binding',
    { ...good, policyBindings: found(the(good.policyBindings).slice(1)) },
    [['guard-policy', 'error']],
    /has no binding/,
  ],
  [
    'a guard that only audits',
    {
      ...good,
      policyBindings: found(
        the(good.policyBindings).map((binding) => ({
          ...binding,
          spec: {
            ...binding.spec,
            validationActions: binding.spec.policyName === 'model-injector-guard' ? ['Audit'] : ['Warn'],
          },
        })),
      ),
    },
    [['guard-policy', 'warning']],
    'model-injector-guard only does Audit',
  ],
  [
    'a guard for another prefix',
    {
      ...good,
      policies: found([
        policyNamed('model-injector-guard', { matchConditions: [{ expression: "startsWith('other/')" }] }) as never,
        ...the(good.policies).slice(1),
      ]),
    },
    [['guard-policy', 'error']],
    /not for annotations below models\.example\.io\//,
  ],
  [
    'a guard that the API server cannot evaluate',
    {
      ...good,
      policies: found([
        policyNamed(
          'model-injector-guard',
          {},
          {
            typeChecking: {
              expressionWarnings: [{ fieldRef: 'spec.validations[0]', warning: 'undefined field\nmore' }],
            },
          },
        ) as never,
        ...the(good.policies).slice(1),
      ]),
    },
    [['guard-policy', 'error']],
    'the API server cannot evaluate model-injector-guard: spec.validations[0]: undefined field',
  ],

  [
    'a service account that was given a role',
    bound({}),
    [['permissions', 'warning']],
    'model-injector/model-injector has ClusterRole cluster-admin (by ClusterRoleBinding b)',
  ],
  [
    'a role for all service accounts of the namespace',
    bound({ subjects: [{ kind: 'Group', name: 'system:serviceaccounts:model-injector' }] }),
    [['permissions', 'warning']],
  ],
  ['bindings that may not be listed', { ...good, roleBindings: unknown('forbidden') }, [['permissions', 'unchecked']]],

  [
    'a proxy of the app that its loader lacks',
    { ...good, injectedPods: found({ pods: [networkPod({ name: 'https_proxy', value: 'http://proxy:3128' })] }) },
    [['loader-network', 'warning']],
  ],
  [
    'a CA of the app that its loader lacks',
    { ...good, injectedPods: found({ pods: [networkPod({ name: 'SSL_CERT_FILE', value: '/ca.pem' })] }) },
    [['loader-network', 'warning']],
  ],
  ['pods that cannot be listed', { ...good, injectedPods: unknown('forbidden') }, [['loader-network', 'unchecked']]],
  [
    'pods that can be listed in one namespace only',
    { ...good, injectedPods: found({ pods: [], unread: 'pods outside of the namespace apps: forbidden' }) },
    [['loader-network', 'unchecked']],
    'pods outside of the namespace apps: forbidden',
  ],
  [
    'a loader whose image cannot be pulled',
    { ...good, pendingPods: found({ pods: [waitingForLoader('chat', 'apps', 'failed to resolve: not found')] }) },
    [['loader-pull', 'error']],
    /^registry\.example\.com\/loader:1 cannot be pulled for 1 pod in 1 namespace, as apps\/chat: ImagePullBackOff: /,
  ],
  ['no Pod Identity agent', { ...good, podIdentityAgent: absent }, [['pod-identity-agent', 'warning']]],
  [
    'an agent that is not everywhere',
    {
      ...good,
      podIdentityAgent: found({ ...the(good.podIdentityAgent), status: { desiredNumberScheduled: 3, numberReady: 2 } }),
    },
    [['pod-identity-agent', 'warning']],
    'ready on 2 of 3 nodes',
  ],

  [
    'a pod that comes back without its model',
    answered(
      found({
        created: true,
        object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: { containers: [] } },
        warnings: [],
      }),
    ),
    [['admission', 'error']],
    /allowed without its model/,
  ],
  [
    'a webhook that is not reached',
    refusedWith('Internal error occurred: failed calling webhook "pods.models.example.io": connection refused'),
    [['admission', 'error']],
    /connection refused/,
  ],
  [
    'a refusal of several lines',
    refusedWith('quota\nand more'),
    [['admission', 'unchecked']],
    'another admission check refused the pod (HTTP 500): quota; and more',
  ],
  [
    'a guard that had to step in',
    refusedWith(
      "ValidatingAdmissionPolicy 'model-injector-guard' with binding denied request: spec.initContainers: missing",
    ),
    [['admission', 'error']],
    /the guard refused it: spec\.initContainers: missing/,
  ],
  [
    'somebody else who refuses the pod',
    refusedWith('exceeded quota: compute'),
    [['admission', 'unchecked']],
    /HTTP 500.*exceeded quota/,
  ],
  ['no permission to try a pod', answered(unknown('missing permission: create pods')), [['admission', 'unchecked']]],
  [
    'a namespace that is left alone',
    { ...good, probe: { namespace: 'kube-system', answer: good.probe.answer } },
    [['admission', 'unchecked']],
    /name another with -n/,
  ],
]

t.test('a right installation has every finding but that of an unstated version, and all are ok', (t) => {
  t.strictSame(problemsOf(good), [])
  t.strictSame(
    [...new Set(findingsOfSurvey(good).map(({ id }) => id))].sort(),
    installationIds.filter((id) => id !== 'cluster-version' && id !== 'caller-rights').sort(),
  )
  t.end()
})

for (const [what, survey, problems, says] of cases) {
  t.test(`${what} is reported`, (t) => {
    t.strictSame(problemsOf(survey), problems)
    if (says !== undefined) {
      t.ok(
        findingsOfSurvey(survey).some(
          (finding) =>
            finding.severity !== 'ok' && (typeof says === 'string' ? finding.what === says : says.test(finding.what)),
        ),
        JSON.stringify(
          findingsOfSurvey(survey).filter(({ severity }) => severity !== 'ok'),
          null,
          1,
        ),
      )
    }
    t.end()
  })
}

const fine: readonly (readonly [what: string, survey: Survey, id: CheckId, says: RegExp])[] = [
  [
    'expressions that YAML folded',
    withWebhook(good, {
      matchConditions: conditions.map(({ name, expression }) => ({
        name,
        expression: expression.replaceAll(' ', '\n  '),
      })),
    }),
    'match-conditions',
    /^annotated, not-opted-out, not-a-mirror-pod$/,
  ],
  [
    'conditions that the operator added',
    withWebhook(good, { matchConditions: [...conditions, { name: 'extra', expression: 'true' }] }),
    'match-conditions',
    /those of the operator: extra/,
  ],
  [
    'Ignore with the guard',
    withWebhook(good, { failurePolicy: 'Ignore' }),
    'failure-policy',
    /Ignore, with the guard: /,
  ],
  [
    'a probe that the policy denies',
    refusedWith('admission webhook "pods.models.example.io" denied the request: model-injector: not allowed'),
    'admission',
    /the webhook answers; it denies the pod that was tried/,
  ],
  [
    'permissions of the chart itself',
    bound({
      metadata: { name: 'model-injector-events', labels: { 'helm.sh/chart': 'model-injector-0.1.0' } },
      roleRef: { kind: 'ClusterRole', name: 'model-injector-events' },
    }),
    'permissions',
    /only what the chart granted: ClusterRole model-injector-events/,
  ],
  [
    'bindings that every cluster has',
    bound({
      metadata: { name: 'system:discovery', labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
      subjects: [{ kind: 'Group', name: 'system:serviceaccounts' }],
    }),
    'permissions',
    /has none, and no token$/,
  ],
  [
    'no agent where credentials are others',
    { ...configured('defaults: { credentials: anonymous, image: "x@sha256:1" }'), podIdentityAgent: absent },
    'pod-identity-agent',
    /the default for credentials is anonymous/,
  ],
  [
    'an image by digest alone',
    withImage('registry.example.com:5000/model-injector@sha256:1'),
    'version',
    /^\d+\.\d+\.\d+, as this command$/,
  ],
]

for (const [what, survey, id, says] of fine) {
  t.test(`${what} is fine`, (t) => {
    t.strictSame(problemsOf(survey), [])
    t.match(findingsOfSurvey(survey).find((finding) => finding.id === id)?.what, says)
    t.end()
  })
}

t.test('a missing registration is reported, without its consequences', (t) => {
  const nothing = {
    ...good,
    registration: absent,
    webhook: absent,
    registrations: found([]),
    service: unknown('x'),
    deployment: unknown('x'),
    roleBindings: absent,
    policies: found([]),
    configuration: unknown('x'),
    replicas: unknown('x'),
  } satisfies Survey
  t.strictSame(problemsOf(nothing), [
    ['registered', 'error'],
    ['version', 'unchecked'],
    ['loader-image', 'unchecked'],
    ['guard-policy', 'warning'],
    ['placement-policy', 'warning'],
    ['values-policy', 'warning'],
  ])
  t.end()
})

t.test('every problem says why it matters and how to fix it', (t) => {
  for (const [what, survey] of cases) {
    for (const { severity, why, remedy } of findingsOfSurvey(survey)) {
      const isProblem = severity === 'error' || severity === 'warning'
      t.equal(typeof why === 'string' && typeof remedy === 'string' && remedy !== '', isProblem, what)
    }
  }
  t.end()
})

t.test('every check of the table is broken by some case, so that none is never wrong', (t) => {
  const broken = new Set(
    cases.flatMap(([, survey]) =>
      problemsOf(survey)
        .filter(([, severity]) => severity !== 'unchecked')
        .map(([id]) => id),
    ),
  )
  t.strictSame(
    installationIds.filter((id) => !broken.has(id) && id !== 'caller-rights'),
    [],
  )
  t.strictSame(
    Object.keys(checks).filter((id) => !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(id)),
    [],
  )
  t.end()
})

/** An injected pod in Init:ImagePullBackOff. */
function waitingForLoader(name: string, namespace: string, message: string): ClusterPod {
  const image = 'registry.example.com/loader:1'
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: { containers: [{ name: 'app' }], initContainers: [{ name: 'model-loader', image }] },
    status: {
      phase: 'Pending',
      initContainerStatuses: [{ name: 'model-loader', state: { waiting: { reason: 'ImagePullBackOff', message } } }],
    },
  }
}

/** An injected pod whose app has a variable. */
function networkPod(variable: { readonly name: string; readonly value: string }): ClusterPod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'chat', namespace: 'apps' },
    spec: {
      containers: [{ name: 'app', env: [variable] }],
      initContainers: [{ name: 'model-loader', args: ['load'] }],
    },
  }
}

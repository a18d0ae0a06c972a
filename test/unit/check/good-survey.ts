/** The survey of a correct installation; each test breaks one thing of it. */
import { readFile } from 'node:fs/promises'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { matchConditions } from '../../../src/match-conditions.ts'
import { version } from '../../../src/version.ts'
import { absent, found, valueOf, type Lookup } from '../../../src/diagnosis/lookup.ts'
import { topics } from '../../../src/check/registry.ts'
import type { Finding, Severity } from '../../../src/diagnosis/finding.ts'
import type { Survey } from '../../../src/check/survey.ts'
import type {
  KubernetesObject,
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ClusterPod,
  ValidatingAdmissionPolicyBinding,
} from '../../../src/cluster/objects.ts'
import { createCertificateAuthority, issueCertificate } from '../../kit/webhook/pki.ts'

const digest = `sha256:${'1'.repeat(64)}`
const configText = `defaults: { image: "registry.example.com/model-injector@${digest}" }\n`

export interface SurveyCertificates {
  readonly caBundle: string
  readonly served: string
}

/** `directory` is the test's own. */
export async function makeCertificates(
  directory: string,
  name = 'model-injector.model-injector.svc',
  authorityName = 'ca',
): Promise<SurveyCertificates> {
  const authority = await createCertificateAuthority(directory, authorityName)
  const certificate = await issueCertificate(directory, authority, {
    name: `served-${authorityName}`,
    subject: '/CN=model-injector',
    usage: 'serverAuth',
    alternativeNames: [`DNS:${name}`],
  })
  return {
    caBundle: await readFile(authority.certificateFile, 'utf8'),
    served: await readFile(certificate.certificateFile, 'utf8'),
  }
}

export function goodWebhook(caBundle: string): MutatingWebhook {
  return {
    name: 'pods.models.example.io',
    failurePolicy: 'Fail',
    reinvocationPolicy: 'IfNeeded',
    timeoutSeconds: 5,
    sideEffects: 'None',
    clientConfig: {
      service: { namespace: 'model-injector', name: 'model-injector', path: '/mutate', port: 443 },
      caBundle: Buffer.from(caBundle).toString('base64'),
    },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' }],
    namespaceSelector: {
      matchExpressions: [
        { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', 'model-injector'] },
      ],
    },
    objectSelector: {},
    matchConditions: matchConditions('models.example.io/').map(({ name, expression }) => ({ name, expression })),
  }
}

export function registration(webhook: MutatingWebhook): MutatingWebhookConfiguration {
  const configuration = meta('MutatingWebhookConfiguration', 'model-injector', releaseLabels)
  const annotations = { 'cert-manager.io/inject-ca-from': 'model-injector/model-injector' }
  return { ...configuration, metadata: { ...configuration.metadata, annotations }, webhooks: [webhook] }
}

export function foreignRegistration(
  name: string,
  webhook: Partial<MutatingWebhook> = {},
): MutatingWebhookConfiguration {
  const { rules } = goodWebhook('')
  return {
    ...meta('MutatingWebhookConfiguration', name),
    webhooks: [
      {
        name: `${name}.example.com`,
        clientConfig: {},
        failurePolicy: 'Ignore',
        reinvocationPolicy: 'Never',
        ...(rules && { rules }),
        ...webhook,
      },
    ],
  }
}

const releaseLabels = {
  'app.kubernetes.io/name': 'model-injector',
  'app.kubernetes.io/version': version,
  'helm.sh/chart': `model-injector-${version}`,
}

function meta(kind: string, name: string, labels: Record<string, string> = {}): KubernetesObject {
  return { apiVersion: 'any/v1', kind, metadata: { name, labels } }
}

export function goodSurvey({ caBundle, served }: SurveyCertificates): Survey {
  const webhook = goodWebhook(caBundle)
  const result = parseConfig(configText)
  const hash = result.ok ? result.config.hash : ''
  const namespace = 'model-injector'
  return {
    version: found({ gitVersion: 'v1.36.3', major: 1, minor: 36 }),
    nowMs: Date.now(),
    prefix: 'models.example.io/',
    registration: found(registration(webhook)),
    webhook: found(webhook),
    issued: found({
      ...meta('Certificate', 'model-injector'),
      status: { conditions: [{ type: 'Ready', status: 'True' }], notAfter: '2030-01-01T00:00:00Z' },
    }),
    strandedDeployments: absent,
    registrations: found([
      registration(webhook),
      foreignRegistration('pod-identity-webhook'),
      foreignRegistration('istio-sidecar-injector'),
    ]),
    protectedNamespaces: Object.fromEntries(
      ['kube-system', namespace].map((name) => [name, { 'kubernetes.io/metadata.name': name }]),
    ),
    namespaces: found(['default', 'kube-system', namespace].map(namespaceNamed)),
    service: found({
      ...meta('Service', 'model-injector'),
      spec: { selector: { app: 'webhook' }, ports: [{ name: 'https', port: 443, targetPort: 'https' }] },
    }),
    endpointSlices: found([
      {
        ...meta('EndpointSlice', 'x'),
        endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
        ports: [{ name: 'https', port: 8443 }],
      },
    ]),
    deployment: found({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'model-injector', namespace, labels: releaseLabels },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'webhook' } },
        template: {
          metadata: { labels: { app: 'webhook', version } },
          spec: {
            serviceAccountName: 'model-injector',
            automountServiceAccountToken: false,
            containers: [
              {
                name: 'webhook',
                image: `registry.example.com:5000/model-injector:${version}@${digest}`,
                args: ['serve'],
                ports: [
                  { name: 'https', containerPort: 8443 },
                  { name: 'http-metrics', containerPort: 9090 },
                ],
              },
            ],
          },
        },
      },
      status: { replicas: 2, readyReplicas: 2, updatedReplicas: 2 },
    }),
    pods: found([]),
    replicaSets: found([]),
    warnings: found([]),
    configuration: found({ place: 'ConfigMap model-injector/model-injector, key config.yaml', result }),
    certificate: found({ place: 'Secret model-injector/model-injector-tls', pem: served }),
    replicas: found(
      ['a', 'b'].map((name) => ({
        name,
        certificate: found(served),
        metrics: found({ configHash: hash, configIsCurrent: true, certificateIsCurrent: true }),
      })),
    ),
    policies: found(
      ['guard', 'placement', 'values'].map((name) => ({
        ...meta('ValidatingAdmissionPolicy', `model-injector-${name}`),
        spec: { matchConditions: [{ expression: "key.startsWith('models.example.io/')" }] },
      })),
    ),
    policyBindings: found([binding('guard', 'Deny'), binding('placement', 'Warn'), binding('values', 'Warn')]),
    roleBindings: found([
      {
        ...meta('ClusterRoleBinding', 'others'),
        roleRef: { kind: 'ClusterRole', name: 'view' },
        subjects: [{ kind: 'ServiceAccount', name: 'model-injector', namespace: 'elsewhere' }],
      },
    ]),
    injectedPods: found({ pods: [] }),
    pendingPods: found({ pods: [] }),
    podIdentityAgent: found({
      ...meta('DaemonSet', 'eks-pod-identity-agent'),
      status: { desiredNumberScheduled: 3, numberReady: 3 },
    }),
    probe: { namespace: 'default', answer: found({ created: true, object: injectedPod, warnings: [] }) },
  }
}

function namespaceNamed(name: string): KubernetesObject {
  return meta('Namespace', name, { 'kubernetes.io/metadata.name': name })
}

const injectedPod: ClusterPod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'x' },
  spec: { containers: [], initContainers: [{ name: 'model-loader' }] },
}

function binding(name: string, action: string): ValidatingAdmissionPolicyBinding {
  return {
    ...meta('ValidatingAdmissionPolicyBinding', `model-injector-${name}`),
    spec: { policyName: `model-injector-${name}`, validationActions: [action] },
  }
}

/** The same with another webhook, wherever it is looked at. */
export function withWebhook(survey: Survey, change: Partial<MutatingWebhook>): Survey {
  const webhook = valueOf(survey.webhook)
  if (webhook === undefined) throw new Error('the survey has no webhook')
  const changed = { ...webhook, ...change }
  const others = (valueOf(survey.registrations) ?? []).filter(({ metadata }) => metadata.name !== 'model-injector')
  return {
    ...survey,
    webhook: found(changed),
    registration: found(registration(changed)),
    registrations: found([registration(changed), ...others]),
  }
}

export function findingsOfSurvey(survey: Survey): readonly Finding[] {
  return topics.flatMap(({ check }) => check(survey))
}

export function problemsOf(survey: Survey): readonly (readonly [string, Severity])[] {
  return findingsOfSurvey(survey)
    .filter(({ severity }) => severity !== 'ok')
    .map(({ id, severity }) => [id, severity])
}

export function the<T>(seen: Lookup<T>): T {
  const value = valueOf(seen)
  if (value === undefined) throw new Error('it is not there')
  return value
}

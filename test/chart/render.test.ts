/** Effects of each value on the objects, read from the objects that the real Helm renders. */
import { version } from '../../src/version.ts'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { resources } from '../../src/cluster/resources.ts'
import type { ApiObject } from '../kit/cluster/api-client.ts'
import {
  chartDirectory,
  objectOf,
  renderChart,
  valueIn,
  type RenderOptions,
  type ChartValues,
} from '../kit/tools/helm.ts'

// Helm runs again for each case: a tenth of a second when the machine is idle.
t.setTimeout(5 * 60 * 1000)

/** An object by its kind, or kind and name; and of it: a path and what stands there, or undefined where there is no such object. */
type Expectation = readonly [object: string, path?: string | readonly string[], value?: unknown]

interface Case {
  readonly name: string
  readonly values?: ChartValues
  readonly options?: RenderOptions
  readonly expect: readonly Expectation[]
}

const webhook = 'MutatingWebhookConfiguration/model-injector'
const pod = 'spec.template.spec'
const container = `${pod}.containers.0`
const args = (change: (all: string[]) => string[] = (all) => all): string[] =>
  change([
    'serve',
    '--config=/etc/model-injector/config/config.yaml',
    '--tls-dir=/etc/model-injector/tls',
    '--port=8443',
    '--health-port=9090',
    '--tls-min-version=TLSv1.3',
    '--drain-seconds=10',
    '--log-level=info',
  ])
const withArg = (name: string, value: string | number): string[] =>
  args((all) => all.map((arg) => (arg.startsWith(`--${name}=`) ? `--${name}=${value}` : arg)))
const selector = {
  'app.kubernetes.io/name': 'model-injector',
  'app.kubernetes.io/instance': 'model-injector',
  'app.kubernetes.io/component': 'webhook',
}
const excluded = (...namespaces: string[]): object => ({
  key: 'kubernetes.io/metadata.name',
  operator: 'NotIn',
  values: namespaces,
})
const digest = `sha256:${'0123456789abcdef'.repeat(4)}`
const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
const givenSecret = { certificates: { secretName: 'given-tls', caBundle: pem } }
const hooks = { hooks: true }

const defaults: readonly Case[] = [
  {
    name: 'the webhook configuration is as the contract says',
    expect: [
      [webhook, 'webhooks.0.failurePolicy', 'Fail'],
      [webhook, 'webhooks.0.matchPolicy', 'Equivalent'],
      [webhook, 'webhooks.0.reinvocationPolicy', 'IfNeeded'],
      [webhook, 'webhooks.0.sideEffects', 'None'],
      [webhook, 'webhooks.0.timeoutSeconds', 5],
      [webhook, 'webhooks.0.admissionReviewVersions', ['v1']],
      [
        webhook,
        'webhooks.0.rules',
        [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' }],
      ],
      [
        webhook,
        'webhooks.0.clientConfig',
        { service: { name: 'model-injector', namespace: 'model-injector', path: '/mutate', port: 443 } },
      ],
      [webhook, 'webhooks.1', undefined],
    ],
  },
  {
    name: "kube-system and the release's own namespace are left alone",
    expect: [
      [webhook, 'webhooks.0.namespaceSelector', { matchExpressions: [excluded('kube-system', 'model-injector')] }],
    ],
  },
  {
    name: 'an annotation names the CA for cainjector, and caBundle is left out, not empty',
    expect: [
      [webhook, ['metadata', 'annotations'], { 'cert-manager.io/inject-ca-from': 'model-injector/model-injector' }],
      [webhook, 'webhooks.0.clientConfig.caBundle', undefined],
    ],
  },
  {
    name: 'the pods are as restricted as Pod Security knows it',
    expect: [
      ['Deployment', `${pod}.securityContext`, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }],
      [
        'Deployment',
        `${container}.securityContext`,
        { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      ],
      ['Deployment', `${pod}.automountServiceAccountToken`, false],
      ['ServiceAccount', 'automountServiceAccountToken', false],
      ['Deployment', `${pod}.hostNetwork`, undefined],
    ],
  },
  {
    name: 'the webhook has no permission in the cluster',
    expect: ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'].map((kind) => [kind] as const),
  },
  { name: 'the chart renders no Secret', expect: [['Secret']] },
  {
    name: 'the server finds its files and ports',
    expect: [
      ['Deployment', `${container}.args`, args()],
      ['Deployment', `${container}.image`, 'model-injector:0.1.0'],
    ],
  },
  {
    name: 'whole directories are mounted, so that changes reach the server',
    expect: [
      [
        'Deployment',
        `${container}.volumeMounts`,
        [
          { name: 'config', mountPath: '/etc/model-injector/config', readOnly: true },
          { name: 'tls', mountPath: '/etc/model-injector/tls', readOnly: true },
        ],
      ],
      ['Deployment', `${pod}.volumes.1.secret.secretName`, 'model-injector-tls'],
    ],
  },
  {
    name: 'probes ask the plain port, which the Service leads to as well',
    expect: [
      ['Deployment', `${container}.livenessProbe.httpGet`, { path: '/healthz', port: 'http-metrics' }],
      ['Deployment', `${container}.readinessProbe.httpGet`, { path: '/readyz', port: 'http-metrics' }],
      [
        'Deployment',
        `${container}.ports`,
        [
          { name: 'https', containerPort: 8443, protocol: 'TCP' },
          { name: 'http-metrics', containerPort: 9090, protocol: 'TCP' },
        ],
      ],
      [
        'Service',
        'spec.ports',
        [
          { name: 'https', port: 443, targetPort: 'https', protocol: 'TCP' },
          { name: 'http-metrics', port: 9090, targetPort: 'http-metrics', protocol: 'TCP' },
        ],
      ],
      ['Service', 'spec.selector', selector],
    ],
  },
  {
    name: 'a rolling update never has fewer than all replicas',
    expect: [['Deployment', 'spec.strategy.rollingUpdate', { maxSurge: 1, maxUnavailable: 0 }]],
  },
  {
    name: 'the time to end covers the drain and the 15 s after it',
    expect: [['Deployment', `${pod}.terminationGracePeriodSeconds`, 30]],
  },
  {
    name: 'the pods spread over zones and nodes, each revision by itself',
    expect: [
      [
        'Deployment',
        `${pod}.topologySpreadConstraints`,
        ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
          topologyKey,
          maxSkew: 1,
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: selector },
          matchLabelKeys: ['pod-template-hash'],
        })),
      ],
    ],
  },
  {
    name: 'one pod may be evicted at a time, and those that are not ready always',
    expect: [
      [
        'PodDisruptionBudget',
        'spec',
        { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: { matchLabels: selector } },
      ],
    ],
  },
  {
    name: 'the network policy lets in what is needed and lets nothing out',
    expect: [
      ['NetworkPolicy', 'spec.podSelector.matchLabels', selector],
      ['NetworkPolicy', 'spec.policyTypes', ['Ingress', 'Egress']],
      ['NetworkPolicy', 'spec.ingress.0', { ports: [{ port: 8443, protocol: 'TCP' }] }],
      ['NetworkPolicy', 'spec.ingress.1.ports', [{ port: 9090, protocol: 'TCP' }]],
      ['NetworkPolicy', 'spec.egress', []],
    ],
  },
  {
    name: 'cert-manager issues an ECDSA certificate from a CA of our own whose key stays',
    expect: [
      ['Issuer/model-injector-selfsigned', 'spec', { selfSigned: {} }],
      ['Issuer/model-injector-ca', 'spec', { ca: { secretName: 'model-injector-ca' } }],
      [
        'Certificate/model-injector-ca',
        'spec',
        {
          isCA: true,
          commonName: 'model-injector-ca',
          secretName: 'model-injector-ca',
          duration: '43800h',
          privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Never' },
          issuerRef: { name: 'model-injector-selfsigned', kind: 'Issuer', group: 'cert-manager.io' },
        },
      ],
      [
        'Certificate/model-injector',
        'spec',
        {
          secretName: 'model-injector-tls',
          dnsNames: ['model-injector.model-injector.svc'],
          duration: '2160h',
          renewBefore: '720h',
          revisionHistoryLimit: 1,
          privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' },
          usages: ['digital signature', 'server auth'],
          issuerRef: { name: 'model-injector-ca', kind: 'Issuer', group: 'cert-manager.io' },
        },
      ],
    ],
  },
  {
    name: 'all policies are there',
    expect: [
      ['ValidatingAdmissionPolicy/model-injector-guard', 'metadata.name', 'model-injector-guard'],
      ['ValidatingAdmissionPolicy/model-injector-placement', 'metadata.name', 'model-injector-placement'],
      ['ValidatingAdmissionPolicy/model-injector-values', 'metadata.name', 'model-injector-values'],
    ],
  },
  {
    name: 'no object of an operator that the cluster may not have',
    expect: [['ServiceMonitor'], ['PrometheusRule'], ['ConfigMap/model-injector-dashboard']],
  },
  {
    name: 'a replica that is only slow stays in the endpoints',
    expect: [
      ['Deployment', `${container}.readinessProbe.timeoutSeconds`, 5],
      ['Deployment', `${container}.readinessProbe.failureThreshold`, 5],
    ],
  },
  {
    name: 'helm test adds a pod that has no token and no private key',
    options: hooks,
    expect: [
      ['Pod', 'spec.automountServiceAccountToken', false],
      [
        'Pod',
        'spec.volumes',
        [
          {
            name: 'ca',
            secret: { secretName: 'model-injector-tls', optional: true, items: [{ key: 'ca.crt', path: 'ca.crt' }] },
          },
        ],
      ],
      ['Pod', 'spec.containers.0.command', ['/usr/local/bin/node']],
      ['Pod', ['metadata', 'annotations', 'helm.sh/hook'], 'test'],
      [
        'Pod',
        'spec.containers.0.env',
        [
          { name: 'WEBHOOK_URL', value: 'https://model-injector.model-injector.svc/mutate' },
          { name: 'READY_URL', value: 'http://model-injector.model-injector.svc:9090/readyz' },
          { name: 'ANNOTATION_PREFIX', value: 'models.example.io/' },
          { name: 'CA_FILE', value: '/etc/model-injector/ca/ca.crt' },
        ],
      ],
    ],
  },
]

const names: readonly Case[] = [
  {
    name: 'a release of another name has objects of that name, but for the webhook configuration',
    options: { release: 'prod' },
    expect: [
      ['Deployment', 'metadata.name', 'prod-model-injector'],
      ['Service', 'metadata.name', 'prod-model-injector'],
      ['ServiceAccount', 'metadata.name', 'prod-model-injector'],
      [webhook, 'webhooks.0.clientConfig.service.name', 'prod-model-injector'],
      [webhook, ['metadata', 'annotations', 'cert-manager.io/inject-ca-from'], 'model-injector/prod-model-injector'],
      ['Certificate/prod-model-injector', 'spec.dnsNames', ['prod-model-injector.model-injector.svc']],
      ['Deployment', `${pod}.volumes.1.secret.secretName`, 'prod-model-injector-tls'],
      ['Deployment', ['spec', 'selector', 'matchLabels', 'app.kubernetes.io/instance'], 'prod'],
    ],
  },
  {
    name: 'a release in another namespace is found there, and that namespace is left alone',
    options: { namespace: 'platform' },
    expect: [
      [webhook, 'webhooks.0.clientConfig.service.namespace', 'platform'],
      [webhook, 'webhooks.0.namespaceSelector.matchExpressions', [excluded('kube-system', 'platform')]],
      ['Certificate/model-injector', 'spec.dnsNames', ['model-injector.platform.svc']],
      [webhook, ['metadata', 'annotations', 'cert-manager.io/inject-ca-from'], 'platform/model-injector'],
      ['Deployment', 'metadata.namespace', 'platform'],
    ],
  },
  {
    name: 'in kube-system the namespace is named once',
    options: { namespace: 'kube-system' },
    expect: [[webhook, 'webhooks.0.namespaceSelector.matchExpressions', [excluded('kube-system')]]],
  },
  {
    name: 'fullnameOverride names the objects',
    values: { fullnameOverride: 'injector' },
    expect: [
      ['Deployment', 'metadata.name', 'injector'],
      ['Certificate/injector', 'spec.secretName', 'injector-tls'],
      [webhook, 'metadata.name', 'model-injector'],
    ],
  },
  {
    name: "nameOverride stands in for the chart's name",
    values: { nameOverride: 'models' },
    options: { release: 'prod' },
    expect: [
      ['Deployment', 'metadata.name', 'prod-models'],
      ['Service', ['spec', 'selector', 'app.kubernetes.io/name'], 'models'],
    ],
  },
  {
    name: 'commonLabels are on objects',
    values: { commonLabels: { team: 'ml' } },
    expect: [
      ['Deployment', 'metadata.labels.team', 'ml'],
      [webhook, 'metadata.labels.team', 'ml'],
      ['NetworkPolicy', 'metadata.labels.team', 'ml'],
      ['ValidatingAdmissionPolicy/model-injector-guard', 'metadata.labels.team', 'ml'],
      ['Deployment', 'spec.template.metadata.labels.team', 'ml'],
      ['Deployment', 'spec.selector.matchLabels', selector],
    ],
  },
  {
    name: 'commonLabels do not replace ours',
    values: { commonLabels: { 'app.kubernetes.io/component': 'x', team: 'ml' } },
    expect: [
      ['Service', ['metadata', 'labels', 'app.kubernetes.io/component'], 'webhook'],
      ['Deployment', ['spec', 'template', 'metadata', 'labels', 'app.kubernetes.io/component'], 'webhook'],
    ],
  },
]

const images: readonly Case[] = [
  {
    name: 'the image of another repository',
    values: { image: { repository: 'registry.example.com/mi' } },
    expect: [['Deployment', `${container}.image`, 'registry.example.com/mi:0.1.0']],
  },
  {
    name: 'another tag',
    values: { image: { tag: 'v9' } },
    expect: [['Deployment', `${container}.image`, 'model-injector:v9']],
  },
  {
    name: 'a digest takes the place of the tag',
    values: { image: { digest } },
    options: hooks,
    expect: [
      ['Deployment', `${container}.image`, `model-injector@${digest}`],
      ['Pod', 'spec.containers.0.image', `model-injector@${digest}`],
    ],
  },
  {
    name: 'a tag in addition to the digest is for people',
    values: { image: { tag: 'v9', digest } },
    expect: [['Deployment', `${container}.image`, `model-injector:v9@${digest}`]],
  },
  {
    name: 'the pull policy',
    values: { image: { pullPolicy: 'Always' } },
    options: hooks,
    expect: [
      ['Deployment', `${container}.imagePullPolicy`, 'Always'],
      ['Pod', 'spec.containers.0.imagePullPolicy', 'Always'],
    ],
  },
  {
    name: "pull secrets of the webhook's pods",
    values: { imagePullSecrets: [{ name: 'registry' }] },
    options: hooks,
    expect: [
      ['Deployment', `${pod}.imagePullSecrets`, [{ name: 'registry' }]],
      ['Pod', 'spec.imagePullSecrets', [{ name: 'registry' }]],
    ],
  },
]

const webhookCases: readonly Case[] = [
  {
    name: 'the profile ignore-guarded passes the webhook over and keeps the guard',
    values: { webhook: { failureProfile: 'ignore-guarded' } },
    expect: [
      [webhook, 'webhooks.0.failurePolicy', 'Ignore'],
      ['ValidatingAdmissionPolicyBinding/model-injector-guard', 'spec.validationActions', ['Deny']],
    ],
  },
  {
    name: 'the profile ignore goes without the guard',
    values: { webhook: { failureProfile: 'ignore' }, guard: { enabled: false } },
    expect: [
      [webhook, 'webhooks.0.failurePolicy', 'Ignore'],
      ['ValidatingAdmissionPolicy/model-injector-guard'],
      ['ValidatingAdmissionPolicyBinding/model-injector-guard'],
    ],
  },
  {
    name: 'the profile ignore goes with a guard that only warns',
    values: { webhook: { failureProfile: 'ignore' }, guard: { validationActions: ['Warn', 'Audit'] } },
    expect: [
      [webhook, 'webhooks.0.failurePolicy', 'Ignore'],
      ['ValidatingAdmissionPolicyBinding/model-injector-guard', 'spec.validationActions', ['Warn', 'Audit']],
    ],
  },
  {
    name: 'the timeout',
    values: { webhook: { timeoutSeconds: 3 } },
    expect: [[webhook, 'webhooks.0.timeoutSeconds', 3]],
  },
  {
    name: 'further namespaces are left alone, by the policies too',
    values: { webhook: { excludedNamespaces: ['ci', 'kube-system'] } },
    expect: [
      [webhook, 'webhooks.0.namespaceSelector.matchExpressions', [excluded('kube-system', 'model-injector', 'ci')]],
      [
        'ValidatingAdmissionPolicy/model-injector-guard',
        'spec.matchConstraints.namespaceSelector.matchExpressions',
        [excluded('kube-system', 'model-injector', 'ci')],
      ],
    ],
  },
  {
    name: 'a selector of namespaces comes on top, by labels',
    values: { webhook: { namespaceSelector: { matchLabels: { models: 'yes' } } } },
    expect: [
      [
        webhook,
        'webhooks.0.namespaceSelector',
        { matchLabels: { models: 'yes' }, matchExpressions: [excluded('kube-system', 'model-injector')] },
      ],
      [
        'ValidatingAdmissionPolicy/model-injector-guard',
        'spec.matchConstraints.namespaceSelector.matchLabels',
        { models: 'yes' },
      ],
    ],
  },
  {
    name: 'a selector of namespaces comes on top, by expressions',
    values: { webhook: { namespaceSelector: { matchExpressions: [{ key: 'tier', operator: 'Exists' }] } } },
    expect: [
      [
        webhook,
        'webhooks.0.namespaceSelector.matchExpressions',
        [excluded('kube-system', 'model-injector'), { key: 'tier', operator: 'Exists' }],
      ],
    ],
  },
  {
    name: "annotations of the configuration are kept together with cert-manager's",
    values: { webhook: { annotations: { note: 'x' } } },
    expect: [
      [
        webhook,
        'metadata.annotations',
        { note: 'x', 'cert-manager.io/inject-ca-from': 'model-injector/model-injector' },
      ],
    ],
  },
  {
    name: 'TLS 1.2',
    values: { webhook: { tlsMinVersion: 'TLSv1.2' } },
    expect: [['Deployment', `${container}.args`, withArg('tls-min-version', 'TLSv1.2')]],
  },
  {
    name: 'the log level',
    values: { webhook: { logLevel: 'debug' } },
    expect: [['Deployment', `${container}.args`, withArg('log-level', 'debug')]],
  },
  {
    name: 'a longer drain has a longer time to end',
    values: { webhook: { drainSeconds: 60 } },
    expect: [
      ['Deployment', `${container}.args`, withArg('drain-seconds', 60)],
      ['Deployment', `${pod}.terminationGracePeriodSeconds`, 80],
    ],
  },
]

const policies: readonly Case[] = [
  {
    name: 'no guard',
    values: { guard: { enabled: false } },
    expect: [
      ['ValidatingAdmissionPolicy/model-injector-guard'],
      ['ValidatingAdmissionPolicyBinding/model-injector-guard'],
      ['ValidatingAdmissionPolicy/model-injector-placement', 'metadata.name', 'model-injector-placement'],
    ],
  },
  {
    name: 'a guard that only audits',
    values: { guard: { validationActions: ['Audit'] } },
    expect: [['ValidatingAdmissionPolicyBinding/model-injector-guard', 'spec.validationActions', ['Audit']]],
  },
  {
    name: 'bad values refused at kubectl apply',
    values: { placement: { valueActions: ['Deny'] } },
    expect: [['ValidatingAdmissionPolicyBinding/model-injector-values', 'spec.validationActions', ['Deny']]],
  },
  {
    name: 'no placement policy',
    values: { placement: { enabled: false } },
    expect: [
      ['ValidatingAdmissionPolicy/model-injector-placement'],
      ['ValidatingAdmissionPolicyBinding/model-injector-placement'],
      ['ValidatingAdmissionPolicy/model-injector-values'],
      ['ValidatingAdmissionPolicyBinding/model-injector-values'],
      ['ValidatingAdmissionPolicy/model-injector-guard', 'metadata.name', 'model-injector-guard'],
    ],
  },
]

const noCertManager: readonly Expectation[] = [['Certificate'], ['Issuer']]
const certificates: readonly Case[] = [
  {
    name: 'a given Secret is mounted, its CA is in the configuration, and cert-manager is asked nothing',
    values: givenSecret,
    expect: [
      ...noCertManager,
      ['Deployment', `${pod}.volumes.1.secret.secretName`, 'given-tls'],
      [webhook, 'webhooks.0.clientConfig.caBundle', Buffer.from(pem).toString('base64')],
      [webhook, 'metadata.annotations', undefined],
    ],
  },
  {
    name: 'helm test trusts the CA of the given Secret',
    values: givenSecret,
    options: hooks,
    expect: [
      ['Pod', 'spec.volumes', undefined],
      ['Pod', 'spec.containers.0.volumeMounts', undefined],
      ['Pod', 'spec.containers.0.env.3', { name: 'CA_BUNDLE', value: pem }],
    ],
  },
  {
    name: 'the CA of a given Secret may be filled in by cainjector',
    values: {
      certificates: { secretName: 'given-tls' },
      webhook: { annotations: { 'cert-manager.io/inject-ca-from-secret': 'model-injector/given-tls' } },
    },
    expect: [
      ...noCertManager,
      [webhook, 'metadata.annotations', { 'cert-manager.io/inject-ca-from-secret': 'model-injector/given-tls' }],
      [webhook, 'webhooks.0.clientConfig.caBundle', undefined],
    ],
  },
  {
    name: 'an issuer that exists signs the certificate',
    values: { certificates: { certManager: { issuerRef: { name: 'corporate', kind: 'ClusterIssuer' } } } },
    expect: [
      ['Issuer'],
      ['Certificate/model-injector-ca'],
      [
        'Certificate/model-injector',
        'spec.issuerRef',
        { name: 'corporate', kind: 'ClusterIssuer', group: 'cert-manager.io' },
      ],
      [webhook, ['metadata', 'annotations', 'cert-manager.io/inject-ca-from'], 'model-injector/model-injector'],
    ],
  },
  {
    name: 'an external issuer',
    values: {
      certificates: {
        certManager: { issuerRef: { name: 'pca', kind: 'AWSPCAClusterIssuer', group: 'awspca.cert-manager.io' } },
      },
    },
    expect: [
      [
        'Certificate/model-injector',
        'spec.issuerRef',
        { name: 'pca', kind: 'AWSPCAClusterIssuer', group: 'awspca.cert-manager.io' },
      ],
    ],
  },
  {
    name: 'a CA bundle in addition to an issuer is for one without a CA in its Secret',
    values: { certificates: { caBundle: pem, certManager: { issuerRef: { name: 'corporate' } } } },
    expect: [
      [webhook, 'webhooks.0.clientConfig.caBundle', Buffer.from(pem).toString('base64')],
      [webhook, 'metadata.annotations', undefined],
      ['Certificate/model-injector', 'spec.issuerRef.name', 'corporate'],
    ],
  },
  {
    name: 'how long certificates are valid',
    values: { certificates: { certManager: { duration: '48h', renewBefore: '12h', caDuration: '1000h' } } },
    expect: [
      ['Certificate/model-injector', 'spec.duration', '48h'],
      ['Certificate/model-injector', 'spec.renewBefore', '12h'],
      ['Certificate/model-injector-ca', 'spec.duration', '1000h'],
    ],
  },
]

const toleration = { key: 'dedicated', operator: 'Equal', value: 'system', effect: 'NoSchedule' }
const pods: readonly Case[] = [
  {
    name: 'more replicas',
    values: { replicas: 5 },
    expect: [
      ['Deployment', 'spec.replicas', 5],
      ['PodDisruptionBudget', 'spec.maxUnavailable', 1],
    ],
  },
  {
    name: 'a single replica has no disruption budget',
    values: { replicas: 1 },
    expect: [['Deployment', 'spec.replicas', 1], ['PodDisruptionBudget']],
  },
  {
    name: 'no disruption budget',
    values: { podDisruptionBudget: { enabled: false } },
    expect: [['PodDisruptionBudget']],
  },
  {
    name: 'other resources',
    values: { resources: { requests: { cpu: 1, memory: '1Gi' }, limits: { memory: '2Gi', cpu: '2' } } },
    expect: [
      [
        'Deployment',
        `${container}.resources`,
        { requests: { cpu: 1, memory: '1Gi' }, limits: { memory: '2Gi', cpu: '2' } },
      ],
    ],
  },
  {
    name: 'another priority class',
    values: { priorityClassName: 'platform' },
    expect: [['Deployment', `${pod}.priorityClassName`, 'platform']],
  },
  {
    name: 'no priority class',
    values: { priorityClassName: '' },
    expect: [['Deployment', `${pod}.priorityClassName`, undefined]],
  },
  {
    name: "constraints of one's own are completed",
    values: { topologySpreadConstraints: [{ topologyKey: 'rack', maxSkew: 2, whenUnsatisfiable: 'DoNotSchedule' }] },
    expect: [
      [
        'Deployment',
        `${pod}.topologySpreadConstraints`,
        [
          {
            topologyKey: 'rack',
            maxSkew: 2,
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector: { matchLabels: selector },
            matchLabelKeys: ['pod-template-hash'],
          },
        ],
      ],
    ],
  },
  {
    name: 'a constraint with a selector keeps it',
    values: {
      topologySpreadConstraints: [
        {
          topologyKey: 'rack',
          maxSkew: 1,
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { a: 'b' } },
        },
      ],
    },
    expect: [['Deployment', `${pod}.topologySpreadConstraints.0.labelSelector.matchLabels.a`, 'b']],
  },
  {
    name: 'no constraints',
    values: { topologySpreadConstraints: [] },
    expect: [['Deployment', `${pod}.topologySpreadConstraints`, undefined]],
  },
  {
    name: 'node labels',
    values: { nodeSelector: { pool: 'system' } },
    options: hooks,
    expect: [
      ['Deployment', `${pod}.nodeSelector`, { 'kubernetes.io/os': 'linux', pool: 'system' }],
      ['Pod', 'spec.nodeSelector.pool', 'system'],
    ],
  },
  {
    name: 'tolerations',
    values: { tolerations: [toleration] },
    options: hooks,
    expect: [
      ['Deployment', `${pod}.tolerations`, [toleration]],
      ['Pod', 'spec.tolerations', [toleration]],
    ],
  },
  {
    name: 'affinity',
    values: {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }],
          },
        },
      },
    },
    expect: [
      [
        'Deployment',
        `${pod}.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.0.matchExpressions.0.key`,
        'a',
      ],
    ],
  },
  {
    name: 'annotations of the pods',
    values: { podAnnotations: { 'sidecar.istio.io/inject': 'false' } },
    expect: [['Deployment', ['spec', 'template', 'metadata', 'annotations', 'sidecar.istio.io/inject'], 'false']],
  },
  {
    name: 'labels of the pods',
    values: { podLabels: { team: 'ml' } },
    expect: [['Deployment', 'spec.template.metadata.labels.team', 'ml']],
  },
  {
    name: 'labels of the pods do not replace those that selectors need',
    values: { podLabels: { 'app.kubernetes.io/name': 'x', team: 'ml' } },
    expect: [['Deployment', ['spec', 'template', 'metadata', 'labels', 'app.kubernetes.io/name'], 'model-injector']],
  },
  {
    name: "a user of one's own",
    values: { podSecurityContext: { runAsUser: 1000 } },
    options: hooks,
    expect: [
      [
        'Deployment',
        `${pod}.securityContext`,
        { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      ],
      ['Pod', 'spec.securityContext.runAsUser', 1000],
    ],
  },
  {
    name: "the container's security context",
    values: { securityContext: { runAsGroup: 7 } },
    expect: [
      ['Deployment', `${container}.securityContext.runAsGroup`, 7],
      ['Deployment', `${container}.securityContext.readOnlyRootFilesystem`, true],
    ],
  },
  {
    name: 'environment of the webhook',
    values: { env: [{ name: 'KUBERNETES_SERVICE_HOST', value: 'api.example.com' }] },
    expect: [
      [
        'Deployment',
        `${container}.env`,
        [
          { name: 'MODEL_INJECTOR_LOADER_IMAGE', value: `model-injector:${version}` },
          { name: 'KUBERNETES_SERVICE_HOST', value: 'api.example.com' },
        ],
      ],
    ],
  },
  {
    name: 'a service account of another name',
    values: { serviceAccount: { name: 'injector' } },
    expect: [
      ['ServiceAccount', 'metadata.name', 'injector'],
      ['Deployment', `${pod}.serviceAccountName`, 'injector'],
    ],
  },
  {
    name: 'a service account that exists',
    values: { serviceAccount: { create: false, name: 'there' } },
    expect: [
      ['ServiceAccount'],
      ['Deployment', `${pod}.serviceAccountName`, 'there'],
      ['Deployment', `${pod}.automountServiceAccountToken`, false],
    ],
  },
  {
    name: 'the default service account',
    values: { serviceAccount: { create: false } },
    expect: [['ServiceAccount'], ['Deployment', `${pod}.serviceAccountName`, 'default']],
  },
  {
    name: 'annotations of the service account',
    values: { serviceAccount: { annotations: { a: 'b' } } },
    expect: [['ServiceAccount', 'metadata.annotations', { a: 'b' }]],
  },
]

const network: readonly Case[] = [
  {
    name: "hostNetwork uses the node's network and never two pods of one node",
    values: { hostNetwork: { enabled: true } },
    options: hooks,
    expect: [
      ['Deployment', `${pod}.hostNetwork`, true],
      ['Deployment', `${pod}.dnsPolicy`, 'ClusterFirstWithHostNet'],
      ['Deployment', 'spec.strategy.rollingUpdate', { maxSurge: 0, maxUnavailable: 1 }],
      ['Pod', 'spec.hostNetwork', undefined],
    ],
  },
  {
    name: 'another port of the webhook',
    values: { ports: { webhook: 10260 } },
    expect: [
      ['Deployment', `${container}.args`, withArg('port', 10260)],
      ['Deployment', `${container}.ports.0.containerPort`, 10260],
      ['NetworkPolicy', 'spec.ingress.0.ports.0.port', 10260],
      ['Service', 'spec.ports.0.port', 443],
    ],
  },
  {
    name: 'another port of health and metrics',
    values: { ports: { health: 19090 } },
    expect: [
      ['Deployment', `${container}.args`, withArg('health-port', 19090)],
      ['Deployment', `${container}.ports.1.containerPort`, 19090],
      ['NetworkPolicy', 'spec.ingress.1.ports.0.port', 19090],
      ['Service', 'spec.ports.1.port', 9090],
    ],
  },
  {
    name: 'annotations of the Service',
    values: { service: { annotations: { a: 'b' } } },
    expect: [['Service', 'metadata.annotations', { a: 'b' }]],
  },
  { name: 'no network policy', values: { networkPolicy: { enabled: false } }, expect: [['NetworkPolicy']] },
  {
    name: 'metrics for one namespace and for helm test alone',
    values: {
      networkPolicy: {
        metricsFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
      },
    },
    expect: [
      [
        'NetworkPolicy',
        'spec.ingress.1.from',
        [
          { podSelector: { matchLabels: { ...selector, 'app.kubernetes.io/component': 'test' } } },
          { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
        ],
      ],
    ],
  },
]

const others: readonly Case[] = [
  {
    name: 'a ServiceMonitor finds the Service',
    values: { metrics: { serviceMonitor: { enabled: true } } },
    expect: [
      [
        'ServiceMonitor',
        'spec',
        {
          selector: { matchLabels: selector },
          namespaceSelector: { matchNames: ['model-injector'] },
          endpoints: [{ port: 'http-metrics', path: '/metrics', interval: '30s' }],
        },
      ],
    ],
  },
  {
    name: 'a ServiceMonitor is found by its labels',
    values: { metrics: { serviceMonitor: { enabled: true, labels: { release: 'prometheus' }, interval: '10s' } } },
    expect: [
      ['ServiceMonitor', 'metadata.labels.release', 'prometheus'],
      ['ServiceMonitor', 'spec.endpoints.0.interval', '10s'],
    ],
  },
  {
    name: 'the alerts are found by their labels',
    values: { metrics: { prometheusRule: { enabled: true, labels: { release: 'prometheus' } } } },
    expect: [
      ['PrometheusRule', 'metadata.labels.release', 'prometheus'],
      ['PrometheusRule', 'metadata.namespace', 'model-injector'],
      ['PrometheusRule', 'spec.groups.0.rules.0.alert', 'ModelInjectorAbsent'],
    ],
  },
  {
    name: 'the dashboard is found by its labels',
    values: { metrics: { dashboard: { enabled: true, labels: { grafana: 'x' } } } },
    expect: [['ConfigMap/model-injector-dashboard', 'metadata.labels.grafana', 'x']],
  },
  {
    name: 'Events need one permission, a token, a way out, and are side effects',
    values: { events: { enabled: true } },
    expect: [
      [webhook, 'webhooks.0.sideEffects', 'NoneOnDryRun'],
      ['Deployment', `${pod}.automountServiceAccountToken`, true],
      ['ClusterRole', 'rules', [{ apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] }]],
      ['Deployment', `${container}.args`, [...args(), '--events']],
      [
        'ClusterRoleBinding',
        'subjects',
        [{ kind: 'ServiceAccount', name: 'model-injector', namespace: 'model-injector' }],
      ],
      ['ClusterRoleBinding', 'roleRef.name', 'model-injector-events'],
      [
        'NetworkPolicy',
        'spec.egress.0.ports',
        [
          { port: 443, protocol: 'TCP' },
          { port: 6443, protocol: 'TCP' },
        ],
      ],
    ],
  },
  {
    name: "the reader's role has no subjects by itself",
    values: { reader: { enabled: true } },
    expect: [['ClusterRole', 'metadata.name', 'model-injector-reader'], ['ClusterRoleBinding']],
  },
  {
    name: "the reader's role is aggregated to others",
    values: { reader: { enabled: true, aggregateTo: ['view', 'cluster-reader'] } },
    expect: [
      ['ClusterRole', ['metadata', 'labels', 'rbac.authorization.k8s.io/aggregate-to-view'], 'true'],
      ['ClusterRole', ['metadata', 'labels', 'rbac.authorization.k8s.io/aggregate-to-cluster-reader'], 'true'],
    ],
  },
  {
    name: "the reader's role is bound to those who are named",
    values: {
      reader: { enabled: true, subjects: [{ kind: 'Group', name: 'sre', apiGroup: 'rbac.authorization.k8s.io' }] },
    },
    expect: [
      ['ClusterRoleBinding', 'subjects', [{ kind: 'Group', name: 'sre', apiGroup: 'rbac.authorization.k8s.io' }]],
      [
        'ClusterRoleBinding',
        'roleRef',
        { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'model-injector-reader' },
      ],
    ],
  },
]

const cases = [
  ...defaults,
  ...names,
  ...images,
  ...webhookCases,
  ...policies,
  ...certificates,
  ...pods,
  ...network,
  ...others,
]
const untouched = new Map<boolean, ApiObject[]>()

for (const { name, values = {}, options = {}, expect } of cases) {
  t.test(name, async (t) => {
    const objects = await renderChart(values, options)
    for (const expectation of expect) {
      const [object, path, value] = expectation
      const [kind, objectName] = object.split('/') as [string, string | undefined]
      if (path === undefined) {
        t.equal(
          objects.some(
            (found) => found.kind === kind && (objectName === undefined || found.metadata?.name === objectName),
          ),
          false,
          `there is no ${object}`,
        )
      } else {
        t.strictSame(
          valueIn(objectOf(objects, kind, objectName), ...(typeof path === 'string' ? [path] : path)),
          value,
          `${object} ${String(path)}`,
        )
      }
    }
    if (Object.keys(values).length > 0) {
      t.notOk(isDeepStrictEqual(objects, await withDefaults(options.hooks === true)), 'the values change something')
    }
  })
}

async function withDefaults(withHooks: boolean): Promise<ApiObject[]> {
  const objects = untouched.get(withHooks) ?? (await renderChart({}, { hooks: withHooks }))
  untouched.set(withHooks, objects)
  return objects
}

t.test('names fit into 63 characters whatever the release is called', async (t) => {
  const objects = await renderChart({ events: { enabled: true } }, { release: 'r'.repeat(53), hooks: true })
  for (const { kind, metadata } of objects) t.ok((metadata?.name ?? '').length <= 63, `${kind} ${metadata?.name ?? ''}`)
})

t.test('the reader reads all that the commands ask for, but Secrets', async (t) => {
  const rules = objectOf(await renderChart({ reader: { enabled: true } }), 'ClusterRole').rules as {
    resources: string[]
    apiGroups: string[]
  }[]
  for (const { group, plural } of Object.values(resources)) {
    t.equal(
      rules.some(({ resources, apiGroups }) => apiGroups.includes(group) && resources.includes(plural)),
      plural !== 'secrets',
      `${plural} of ${group}`,
    )
  }
})

t.test('the reader does nothing but read', async (t) => {
  const rules = objectOf(await renderChart({ reader: { enabled: true } }), 'ClusterRole').rules as {
    resources: string[]
    verbs: string[]
    apiGroups: string[]
  }[]
  for (const { resources, verbs, apiGroups } of rules) {
    t.strictSame(verbs, ['get', 'list', 'watch'])
    t.notOk(
      [...resources, ...apiGroups].some((word) => word === '*' || word.includes('/')),
      resources.join(', '),
    )
  }
})

t.test("as a part of another chart it takes that chart's globals", async (t) => {
  const { kind } = objectOf(await renderChart({ global: { region: 'eu-west-1' } }), 'Deployment')
  t.equal(kind, 'Deployment')
})

/** Their templates have tests of their own. */
const elsewhere = ['global', 'config', 'guard.contact', 'metrics.prometheusRule', 'metrics.dashboard']

t.test('every value has a case', async (t) => {
  const schema = JSON.parse(await readFile(join(chartDirectory, 'values.schema.json'), 'utf8')) as Schema
  for (const path of pathsOf(schema)) {
    if (elsewhere.some((prefix) => path.startsWith(prefix))) continue
    t.ok(
      cases.some(({ values }) => valueIn(values, path) !== undefined),
      path,
    )
  }
})

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
}

/** `image.tag`; an open map is one value. */
function pathsOf({ properties = {} }: Schema, path = ''): string[] {
  return Object.entries(properties).flatMap(([key, property]) => {
    const here = path === '' ? key : `${path}.${key}`
    return property.properties === undefined ? [here] : pathsOf(property, here)
  })
}

/** The objects that the chart and Helm write, by kind and name, and the pod of a replica. A test compares them with the chart. */
import { resources, type Resource } from '../../cluster/resources.ts'
import { registrationName } from '../registration.ts'

export interface NamedObject {
  readonly resource: Resource
  readonly name: string
  /** Undefined for objects of the whole cluster. */
  readonly namespace?: string
}

/** As `model-injector.fullname` of the chart makes it. */
export function fullNameOf(release: string): string {
  const name = release.includes('model-injector') ? release : `${release}-model-injector`
  return name.slice(0, 50).replace(/-$/, '')
}

/** The webhook configuration and the policies have the same names in every release. */
export function namedObjects(release: string, namespace: string): readonly NamedObject[] {
  const name = fullNameOf(release)
  const own = [resources.deployments, resources.services, resources.configMaps, resources.serviceAccounts]
  const policies = [resources.validatingAdmissionPolicies, resources.validatingAdmissionPolicyBindings]
  return [
    { resource: resources.mutatingWebhookConfigurations, name: registrationName },
    ...policies.flatMap((resource) =>
      ['model-injector-guard', 'model-injector-placement', 'model-injector-values'].map((policy) => ({
        resource,
        name: policy,
      })),
    ),
    ...own.map((resource) => ({ resource, name, namespace })),
  ]
}

const certificateKinds: readonly Resource[] = [resources.certificates, resources.issuers]

/** With the chart's default values; Helm keeps its releases in Secrets. */
export function writtenKinds(withCertManager: boolean): readonly Resource[] {
  return [
    resources.serviceAccounts,
    resources.configMaps,
    resources.services,
    resources.deployments,
    resources.podDisruptionBudgets,
    resources.networkPolicies,
    ...(withCertManager ? certificateKinds : []),
    resources.mutatingWebhookConfigurations,
    resources.validatingAdmissionPolicies,
    resources.validatingAdmissionPolicyBindings,
    resources.secrets,
  ]
}

/** With the fields that Pod Security, quotas and priority look at; its image is never pulled. */
export function replicaPod(): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'model-injector-check-' },
    spec: {
      automountServiceAccountToken: false,
      priorityClassName: 'system-cluster-critical',
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      containers: [
        {
          name: 'webhook',
          image: 'registry.k8s.io/pause:3.10',
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  }
}

export function probeIssuer(): object {
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Issuer',
    metadata: { generateName: 'model-injector-check-' },
    spec: { selfSigned: {} },
  }
}

export function describeNamed({ resource, name, namespace }: NamedObject): string {
  return `${resource.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`
}

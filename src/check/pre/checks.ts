/** The rows of the closed table for `check --pre`: a cluster before the chart is installed. */
import { row } from '../../diagnosis/check-row.ts'
import { findingsAbout } from '../../diagnosis/finding.ts'

export const preChecks = {
  'cluster-api': row({
    about: 'The API server is 1.30 or later, as the chart requires.',
    why: 'match conditions and ValidatingAdmissionPolicies are stable since then; Helm refuses the chart on an older one',
    remedy: 'upgrade the cluster to a version that is still supported',
  }),
  'release-namespace': row({
    about: 'The namespace of the release is one of its own: not default, not kube-system, not about to go.',
    why: 'the webhook leaves its own namespace alone, so annotated pods there start without a model',
    remedy: 'install into a namespace of its own: helm install -n model-injector --create-namespace',
  }),
  'replica-pod': row({
    about: 'A pod as the chart makes them, created as a dry run in the namespace of the release, is accepted.',
    why: 'Pod Security, quotas, priority classes and other webhooks may refuse it, and then no replica is created',
    remedy: 'change what refuses it in the namespace, or the values of the chart',
  }),
  'name-collision': row({
    about: 'No object of the names that the chart uses is there, unless it is of the same release.',
    why: 'Helm refuses to take over what is not of its release ("invalid ownership metadata")',
    remedy:
      'uninstall what they belong to, or delete them; helm install --take-ownership takes them over (Helm 3.17 and later, and 4)',
  }),
  'install-rights': row({
    about: 'You may create, read and change every kind of object that the chart and Helm write.',
    why: 'Helm stops at the first object that it may not write, with half of them there',
    remedy: 'ask for the permissions, or let somebody install it who has them',
  }),
  'cert-manager': row({
    about: 'cert-manager 1.12 or later is installed, and its webhook accepts an Issuer that is created as a dry run.',
    why: 'the chart gets the certificate of the webhook from it; the cainjector of 1.11 deletes match conditions',
    remedy:
      'install or mend cert-manager, or go without: certificates.secretName and certificates.caBundle of the chart name a certificate of yours (docs/install.md), and check --pre --without-cert-manager',
  }),
  'webhook-neighbours': row({
    about: 'No identity webhook of EKS sorts before model-injector.',
    why: 'webhooks run in the order of their names; that one looks at the service account, which our annotations may set',
    remedy: 'rename the MutatingWebhookConfiguration of the identity webhook so that it sorts after model-injector',
  }),
  'credential-source': row({
    about: 'Loaders can get credentials: by the EKS Pod Identity agent, or by IRSA.',
    why: 'without a source of credentials every download ends with exit code 75 or 78',
    remedy:
      'install the add-on eks-pod-identity-agent (aws eks create-addon), or set config.defaults.credentials of the chart',
  }),
  'delivery-driver': row({
    about: 'The driver of the delivery that is named by --delivery is installed.',
    why: 'its pods stay Pending or ContainerCreating without',
    remedy: 'install it before the first pod asks for the delivery',
  }),
} as const

export const { ok, warning, error, unchecked } = findingsAbout(preChecks)

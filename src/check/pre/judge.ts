/** Judges a cluster before an installation. */
import { describePermission } from '../../cluster/cluster-error.ts'
import type { DryRun } from '../../cluster/cluster.ts'
import { firstClusterVersionWithImageVolumes } from '../../deliveries/image/inject.ts'
import { mountpointDriver } from '../../deliveries/mountpoint/render-volume.ts'
import { provisioner as tridentDriver } from '../../deliveries/claim/render-trident.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { releaseOf, uninstallRelease } from '../../diagnosis/helm-commands.ts'
import { valueOf, whyNot, type Lookup } from '../../diagnosis/lookup.ts'
import type { Section } from '../../diagnosis/section.ts'
import { compareClusterVersions, parseClusterVersion } from '../../values/cluster-version.ts'
import { singleLine } from '../../values/print/printable.ts'
import { inRunOrder, isIdentityWebhook, registrationName } from '../registration.ts'
import { leastMinor } from '../topics/api-server.ts'
import { describeNamed, fullNameOf } from './chart-objects.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import type { PreSurvey } from './pre-survey.ts'

export function judgeBefore(survey: PreSurvey): readonly Section[] {
  const sections: readonly Section[] = [
    { title: 'API server', findings: [judgeVersion(survey)] },
    { title: 'Namespace', findings: [judgeNamespace(survey), ...judgePod(survey)] },
    { title: 'Names', findings: judgeNames(survey) },
    { title: 'Rights', findings: [judgeRights(survey)] },
    { title: 'Certificates', findings: judgeCertManager(survey) },
    { title: 'Other webhooks', findings: judgeWebhooks(survey) },
    { title: 'Credentials', findings: [judgeCredentials(survey)] },
    { title: 'Delivery', findings: judgeDriver(survey) },
  ]
  return sections.filter(({ findings }) => findings.length > 0)
}

function judgeVersion({ version: { gitVersion, major, minor } }: PreSurvey): Finding {
  return major > 1 || minor >= leastMinor
    ? ok('cluster-api', gitVersion)
    : error('cluster-api', `${gitVersion} is older than 1.${leastMinor}`)
}

const namespacesOfOthers = ['default', 'kube-system', 'kube-public', 'kube-node-lease']

function judgeNamespace(survey: PreSurvey): Finding {
  const { namespace, target, neighbours, release } = survey
  if (namespacesOfOthers.includes(namespace)) {
    return error('release-namespace', `${namespace} has pods of others, which the webhook would leave alone`)
  }
  if (target.state === 'unknown') return unchecked('release-namespace', target.why)
  if (target.state === 'absent') return ok('release-namespace', `${namespace} is not there: add --create-namespace`)
  if (target.value.status?.phase === 'Terminating') {
    return error('release-namespace', `${namespace} is being deleted`, 'wait until it is gone, then install')
  }
  const others = (valueOf(neighbours) ?? [])
    .map(({ metadata }) => metadata.name)
    .filter((name) => name !== fullNameOf(release))
  if (others.length > 0) {
    return warning(
      'release-namespace',
      `${namespace} has workloads of others, which would get no models: ${others.join(', ')}`,
    )
  }
  return ok('release-namespace', `${namespace}, ${describeSecurity(target.value.metadata.labels)}`)
}

function describeSecurity(labels: Readonly<Record<string, string>> = {}): string {
  const level = labels['pod-security.kubernetes.io/enforce']
  return level === undefined
    ? 'which enforces no Pod Security Standard: restricted fits the pods of the chart'
    : `which enforces the Pod Security Standard ${level}; hostNetwork.enabled of the chart needs privileged`
}

function judgePod({ namespace, replicaPod }: PreSurvey): readonly Finding[] {
  if (replicaPod.state === 'absent') return []
  if (replicaPod.state === 'unknown') return [unchecked('replica-pod', replicaPod.why)]
  const answer = replicaPod.value
  return [
    answer.created
      ? ok('replica-pod', `${namespace} takes it`)
      : error('replica-pod', `HTTP ${answer.status}: ${singleLine(answer.message)}`),
  ]
}

function judgeNames(survey: PreSurvey): readonly Finding[] {
  const { named, release, namespace } = survey
  const findings = named.flatMap((wanted) => judgeName(wanted, survey))
  if (findings.length > 0) return findings
  const own = named.filter(({ seen }) => seen.state === 'found').length
  const what =
    own === 0
      ? `none of ${named.length} objects is there`
      : `${own} of ${named.length} objects are of ${namespace}/${release}: helm upgrade`
  return [ok('name-collision', what)]
}

function judgeName(wanted: PreSurvey['named'][number], { release, namespace }: PreSurvey): readonly Finding[] {
  const { seen } = wanted
  if (seen.state === 'unknown') return [unchecked('name-collision', seen.why)]
  if (seen.state === 'absent') return []
  const owner = releaseOf(seen.value)
  const title = `the ${describeNamed(wanted)}`
  if (owner === undefined) return [error('name-collision', `${title} is there, and of no release of Helm`)]
  if (owner.name === release && owner.namespace === namespace) return []
  const what = `${title} is of the release ${owner.name} in the namespace ${owner.namespace}`
  return [withCommands(error('name-collision', what), uninstallRelease(owner))]
}

function judgeRights({ rights }: PreSurvey): Finding {
  if (rights.state !== 'found') return unchecked('install-rights', whyNot(rights))
  const missing = rights.value.filter(({ isGranted }) => !isGranted)
  if (missing.length === 0) return ok('install-rights', `all of ${rights.value.length}`)
  // One line for each kind and place.
  const groups = Map.groupBy(missing, (right) => describePermission({ ...right, verb: '' }))
  const words = [...groups].map(([rest, own]) => `${own.map(({ verb }) => verb).join(', ')}${rest}`)
  return error('install-rights', `missing permissions: ${words.join('; ')}`)
}

function judgeCertManager(survey: PreSurvey): readonly Finding[] {
  const { issuer, withCertManager } = survey
  if (!withCertManager) {
    return [
      ok('cert-manager', 'not wanted: certificates.secretName and certificates.caBundle name a certificate of yours'),
    ]
  }
  if (issuer.state !== 'found') return [unchecked('cert-manager', whyNot(issuer))]
  return [issuer.value.created ? judgeVersionOfCertManager(survey) : judgeIssuerRefusal(issuer.value)]
}

function judgeIssuerRefusal({ status, message }: Extract<DryRun, { created: false }>): Finding {
  if (status === 404) return error('cert-manager', 'the API server knows no Issuer of cert-manager.io/v1')
  const what = `HTTP ${status}: ${singleLine(message)}`
  return message.includes('failed calling webhook')
    ? error('cert-manager', `its webhook does not answer: ${what}`)
    : unchecked('cert-manager', `an Issuer was refused, ${what}`)
}

/** The cainjector of 1.11 deletes match conditions. */
const firstCertManager = { major: 1, minor: 12 }

function judgeVersionOfCertManager({ certificateKind }: PreSurvey): Finding {
  const label = valueOf(certificateKind)?.metadata.labels?.['app.kubernetes.io/version']
  const parsed = parseClusterVersion(label ?? '')
  if (!parsed.ok) {
    return ok('cert-manager', 'its webhook answers; nothing says its version, which has to be 1.12 or later')
  }
  return compareClusterVersions(parsed.value, firstCertManager) < 0
    ? error('cert-manager', `${label ?? ''} is older than 1.12`, 'upgrade cert-manager')
    : ok('cert-manager', `${label ?? ''}, and its webhook answers`)
}

function judgeWebhooks({ registrations }: PreSurvey): readonly Finding[] {
  if (registrations.state !== 'found') return [unchecked('webhook-neighbours', whyNot(registrations))]
  const others = inRunOrder(registrations.value).filter(({ metadata }) => metadata.name !== registrationName)
  const early = others.filter((other) => isIdentityWebhook(other) && other.metadata.name < registrationName)
  if (early.length > 0) {
    return early.map(({ metadata }) =>
      error('webhook-neighbours', `${metadata.name} would run before ${registrationName}`),
    )
  }
  const names = [registrationName, ...others.map(({ metadata }) => metadata.name)].toSorted()
  return [
    ok(
      'webhook-neighbours',
      others.length === 0 ? 'no other webhook looks at pods' : `they will run so: ${names.join(', ')}`,
    ),
  ]
}

function judgeCredentials({ podIdentityAgent: agent, registrations }: PreSurvey): Finding {
  if (agent.state === 'unknown') return unchecked('credential-source', agent.why)
  if (agent.state === 'found') {
    const { desiredNumberScheduled: desired = 0, numberReady: ready = 0 } = agent.value.status ?? {}
    const what = `the EKS Pod Identity agent is ready on ${ready} of ${desired} nodes`
    return ready >= desired && desired > 0 ? ok('credential-source', what) : warning('credential-source', what)
  }
  const none = 'there is no DaemonSet kube-system/eks-pod-identity-agent'
  const identity = valueOf(registrations)?.find(isIdentityWebhook)
  return identity === undefined
    ? warning('credential-source', `${none}, and no identity webhook for IRSA`)
    : warning(
        'credential-source',
        `${none}; ${identity.metadata.name} is there, for IRSA`,
        'set config.defaults.credentials of the chart to irsa, or install the add-on eks-pod-identity-agent',
      )
}

function judgeDriver(survey: PreSurvey): readonly Finding[] {
  const { delivery, driver, version } = survey
  if (delivery === undefined) return []
  if (delivery === 'image') {
    const first = parseClusterVersion(firstClusterVersionWithImageVolumes)
    const isOld = first.ok && compareClusterVersions(version, first.value) < 0
    const what = `${version.gitVersion}; image volumes need ${firstClusterVersionWithImageVolumes}`
    return [
      isOld
        ? error('delivery-driver', what, 'upgrade the cluster, or use another delivery')
        : ok('delivery-driver', what),
    ]
  }
  return [judgeInstalled(drivers[delivery], driver)]
}

interface Driver {
  readonly name: string
  /** True if pods can have the delivery without it. */
  readonly hasOthers: boolean
  readonly remedy: string
}

const drivers: Readonly<Record<'claim' | 'mountpoint' | 'node', Driver>> = {
  claim: {
    name: `the CSI driver of Trident (${tridentDriver})`,
    hasOthers: true,
    remedy: 'install Trident to share volumes of FSx for ONTAP; claims of other storage need nothing of it',
  },
  mountpoint: {
    name: `the CSI driver of Mountpoint (${mountpointDriver})`,
    hasOthers: false,
    remedy: 'install the add-on aws-mountpoint-s3-csi-driver',
  },
  node: {
    name: 'Karpenter (NodePools of karpenter.sh/v1)',
    hasOthers: true,
    remedy: 'install Karpenter, or label nodes that have the model yourself (model-injector render node)',
  },
}

function judgeInstalled({ name, hasOthers, remedy }: Driver, driver: Lookup<unknown>): Finding {
  if (driver.state === 'unknown') return unchecked('delivery-driver', driver.why)
  if (driver.state === 'found') return ok('delivery-driver', `${name} is there`)
  return (hasOthers ? warning : error)('delivery-driver', `${name} is not there`, remedy)
}

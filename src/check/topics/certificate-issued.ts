/** Checks whether cert-manager has issued the certificate, where the CA bundle is to come from one of its Certificates. */
import type { IssuedCertificate } from '../../cluster/objects.ts'
import type { Condition } from '../../cluster/pod-status.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { describeObject } from '../../diagnosis/kubectl-commands.ts'
import { valueOf } from '../../diagnosis/lookup.ts'
import { singleLine } from '../../values/print/printable.ts'
import { quoteWord } from '../../values/shell.ts'
import { error, ok, unchecked, warning } from '../installation-findings.ts'
import { certificateSourceOf, type CertificateSource } from '../registration.ts'
import { restoredBy } from '../restore.ts'
import type { Survey } from '../survey.ts'

export function checkIssued(survey: Survey): readonly Finding[] {
  const { registration, issued } = survey
  if (registration.state !== 'found') return []
  const source = certificateSourceOf(registration.value)
  if (source === undefined) return [ok('certificate-issued', 'its CA bundle is not of cert-manager')]
  const { namespace, name } = source
  const title = `Certificate ${namespace}/${name}`
  if (issued.state === 'unknown') return [unchecked('certificate-issued', issued.why)]
  if (issued.state === 'absent') return [restoredBy(error('certificate-issued', `there is no ${title}`), survey)]
  const { conditions, notAfter } = issued.value.status ?? {}
  const isReady = conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
  return isReady
    ? [ok('certificate-issued', `${title}, until ${notAfter ?? 'an unknown time'}`)]
    : [unreadyFinding(source, issued.value, survey)]
}

/** Replicas that are ready go on with the certificate of before. */
function unreadyFinding(
  { namespace, name }: CertificateSource,
  { status }: IssuedCertificate,
  survey: Survey,
): Finding {
  const told = (status?.conditions ?? []).filter(({ message }) => message !== undefined).map(describeCondition)
  const words = told.length === 0 ? ', and has no condition: is cert-manager running?' : `; ${told.join('; ')}`
  const isServed = (valueOf(survey.deployment)?.status?.readyReplicas ?? 0) > 0
  const judge = isServed ? warning : error
  return withCommands(
    judge('certificate-issued', `Certificate ${namespace}/${name} is not ready${words}`),
    describeObject({ kind: 'certificates.cert-manager.io', name, namespace }),
    `kubectl describe certificaterequests.cert-manager.io -n ${quoteWord(namespace)}`,
  )
}

function describeCondition({ reason = '', message = '' }: Condition): string {
  return `${reason}: ${singleLine(message)}`
}

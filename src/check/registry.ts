/** The topics of `check` in report order: causes before their consequences. */
import type { Finding } from '../diagnosis/finding.ts'
import type { Survey } from './survey.ts'
import { checkAdmission } from './topics/admission.ts'
import { checkAPIServer } from './topics/api-server.ts'
import { checkIssued } from './topics/certificate-issued.ts'
import { checkCertificates } from './topics/certificates.ts'
import { checkConfiguration } from './topics/configuration.ts'
import { checkLoaderNetwork } from './topics/loader-network.ts'
import { checkLoaderPull } from './topics/loader-pull.ts'
import { checkOrder } from './topics/order.ts'
import { checkPermissions } from './topics/permissions.ts'
import { checkPodIdentity } from './topics/pod-identity.ts'
import { checkPolicies } from './topics/policies.ts'
import { checkRegistration } from './topics/registration.ts'
import { checkReplicaStart } from './topics/replica-start.ts'
import { checkRollout } from './topics/rollout.ts'
import { checkVersions } from './topics/versions.ts'
import { checkWorkload } from './topics/workload.ts'

export interface Topic {
  readonly title: string
  readonly check: (survey: Survey) => readonly Finding[]
}

export const topics: readonly Topic[] = [
  { title: 'API server', check: checkAPIServer },
  { title: 'Registration', check: checkRegistration },
  { title: 'Other webhooks', check: checkOrder },
  { title: 'Certificate', check: (survey) => [...checkIssued(survey), ...checkCertificates(survey)] },
  { title: 'Replicas', check: checkWorkload },
  { title: 'Rollout', check: (survey) => [...checkRollout(survey), ...checkReplicaStart(survey)] },
  { title: 'Configuration', check: checkConfiguration },
  { title: 'Versions', check: checkVersions },
  { title: 'Policies', check: checkPolicies },
  { title: 'Permissions', check: checkPermissions },
  { title: 'Credentials', check: checkPodIdentity },
  { title: 'Image of loaders', check: checkLoaderPull },
  { title: 'Network of loaders', check: checkLoaderNetwork },
  { title: 'Admission', check: checkAdmission },
]

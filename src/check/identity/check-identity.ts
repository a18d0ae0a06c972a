/**
 * Proves what the pods of a service account may read, by assuming its role as they do. Runs for operators and in CI, never
 * at admission.
 */
import { roleCalls, type RoleCalls } from '../../aws/assume-role.ts'
import type { S3Credentials } from '../../aws/s3-api.ts'
import type { Identity } from '../../render/access.ts'
import { commandInOneLine } from '../../values/shell.ts'
import type { S3Source } from '../../values/source.ts'
import type { Section } from '../../diagnosis/section.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { error } from './checks.ts'
import { askWho, type Asker } from './caller.ts'
import { checkIsolation } from './access-isolation.ts'
import { becomeRole } from './role.ts'
import { s3View, type S3View } from './s3-view.ts'
import type { Seen } from './seen.ts'
import { subjectOf, type Named, type Subject } from './role-under-test.ts'
import { checkWanted, type Ground, type WantedSource } from './allowed-prefix.ts'

export interface IdentityReport {
  readonly identity: Identity & {
    readonly credentials: string
    readonly role: string | undefined
    readonly clusterArn: string | undefined
  }
  readonly sections: readonly Section[]
}

/** Fallback region. STS answers in every region, and S3 reports the region of a bucket. */
const anyRegion = 'us-east-1'
const deadlineMs = 5 * 60_000

export async function checkIdentity(
  named: Named,
  seen: Seen,
  environmentRegion: string | undefined,
): Promise<IdentityReport> {
  const subject = subjectOf(named, seen)
  const { credentials, role, cluster } = subject
  const region = cluster?.region ?? named.region ?? environmentRegion ?? anyRegion
  const signal = AbortSignal.timeout(deadlineMs)
  const calls = roleCalls(region, signal)
  try {
    const sections = await sectionsOf({ named, seen, subject, calls, viewOf: (keys) => s3View(region, keys, signal) })
    const { namespace, serviceAccount } = named
    return {
      identity: { namespace, serviceAccount, credentials, role: role?.arn, clusterArn: cluster?.arn },
      sections: sections.filter(({ findings }) => findings.length > 0),
    }
  } finally {
    calls.close()
  }
}

interface Trial {
  readonly named: Named
  readonly seen: Seen
  readonly subject: Subject
  readonly calls: RoleCalls
  readonly viewOf: (credentials: S3Credentials) => S3View
}

/** Reports a failed prerequisite once, without the checks that depend on it. */
async function sectionsOf(trial: Trial): Promise<readonly Section[]> {
  const { asker, findings } = await askWho(trial.calls)
  const known = [
    { title: 'Who asks', findings },
    { title: `${trial.named.namespace}/${trial.named.serviceAccount}`, findings: trial.subject.findings },
  ]
  return asker === undefined ? known : [...known, ...(await sectionsOfRole(trial, asker))]
}

async function sectionsOfRole(
  { named, seen, subject, calls, viewOf }: Trial,
  asker: Asker,
): Promise<readonly Section[]> {
  const { role, cluster, credentials, wanted } = subject
  if (role === undefined || (cluster === undefined && credentials === 'pod-identity')) return []
  const { session, findings } = await becomeRole(calls, { identity: named, role, cluster }, asker)
  const assumption: Section = {
    title: 'Role',
    findings: session !== undefined && asker.caller.kind === 'node' ? [...findings, nodeMayToo(asker)] : findings,
  }
  if (session === undefined) return [assumption]
  const [sessionView, own] = [viewOf(session.credentials), viewOf(asker.credentials)]
  const ground = {
    session: sessionView,
    annotationPrefix: seen.config.annotationPrefix,
    renderCommand: renderCommandOf(named, subject),
  }
  const reached = await Promise.all(wanted.map(async (source) => sectionOfSource(source, ground)))
  const isolation = await checkIsolation({
    identity: named,
    sources: wanted.map(({ source }) => source),
    others: named.others,
    session: sessionView,
    own,
  })
  return [assumption, ...reached, { title: 'What must be refused', findings: isolation }]
}

function nodeMayToo({ arn }: Asker): Finding {
  return error(
    'node-role',
    `the role of the node may become the role of these pods: so may every pod that reaches the instance metadata (${arn})`,
    'take the role of the nodes out of the trust policy',
  )
}

async function sectionOfSource(wanted: WantedSource, ground: Ground): Promise<Section> {
  return { title: wanted.source.uri, findings: await checkWanted(wanted, ground) }
}

/** Command for these pods alone; a role shared by many needs a --scope. */
function renderCommandOf(
  { namespace, serviceAccount }: Named,
  { role, cluster }: Subject,
): ((source: S3Source) => string) | undefined {
  if (role === undefined || cluster === undefined) return undefined
  return ({ uri }) =>
    commandInOneLine('model-injector render download', [
      ['--source', uri],
      ['-n', namespace],
      ['--service-account', serviceAccount],
      ['--account-id', cluster.accountId],
      ['--region', cluster.region],
      ['--cluster', cluster.name],
      ['--role-name', role.name],
      ['--commands'],
    ])
}

/**
 * Proves what the pods of a service account may read, by assuming its role as they do. Runs for operators and in CI, never
 * at admission.
 */
import { roleCalls, type RoleCalls } from '../../aws/assume-role.ts'
import type { S3Credentials } from '../../s3/origin.ts'
import type { Identity } from '../../render/access.ts'
import { commandInOneLine } from '../../values/shell.ts'
import type { S3Source } from '../../values/source.ts'
import type { Section } from '../../diagnosis/section.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { error } from './checks.ts'
import { identifyPrincipal, type Principal } from './caller.ts'
import { checkIsolation } from './access-isolation.ts'
import { assumePodRole } from './role.ts'
import { s3View, type S3View } from './s3-view.ts'
import type { AccountFacts } from './account-facts.ts'
import { findRoleUnderTest, type NamedIdentity, type RoleUnderTest } from './role-under-test.ts'
import { checkAllowedPrefix, type PrefixContext, type RequestedSource } from './allowed-prefix.ts'

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
  named: NamedIdentity,
  facts: AccountFacts,
  environmentRegion: string | undefined,
): Promise<IdentityReport> {
  const roleUnderTest = findRoleUnderTest(named, facts)
  const { credentials, role, cluster } = roleUnderTest
  const region = cluster?.region ?? named.region ?? environmentRegion ?? anyRegion
  const signal = AbortSignal.timeout(deadlineMs)
  const calls = roleCalls(region, signal)
  try {
    const sections = await sectionsOf({
      named,
      facts,
      roleUnderTest,
      calls,
      viewOf: (keys) => s3View(region, keys, signal),
    })
    const { namespace, serviceAccount } = named
    return {
      identity: { namespace, serviceAccount, credentials, role: role?.arn, clusterArn: cluster?.arn },
      sections: sections.filter(({ findings }) => findings.length > 0),
    }
  } finally {
    calls.close()
  }
}

interface IdentityContext {
  readonly named: NamedIdentity
  readonly facts: AccountFacts
  readonly roleUnderTest: RoleUnderTest
  readonly calls: RoleCalls
  readonly viewOf: (credentials: S3Credentials) => S3View
}

/** Reports a failed prerequisite once, without the checks that depend on it. */
async function sectionsOf(context: IdentityContext): Promise<readonly Section[]> {
  const { principal, findings } = await identifyPrincipal(context.calls)
  const known = [
    { title: 'Caller', findings },
    { title: `${context.named.namespace}/${context.named.serviceAccount}`, findings: context.roleUnderTest.findings },
  ]
  return principal === undefined ? known : [...known, ...(await sectionsOfRole(context, principal))]
}

async function sectionsOfRole(
  { named, facts, roleUnderTest, calls, viewOf }: IdentityContext,
  principal: Principal,
): Promise<readonly Section[]> {
  const { role, cluster, credentials, requested } = roleUnderTest
  if (role === undefined || (cluster === undefined && credentials === 'pod-identity')) return []
  const { session, findings } = await assumePodRole(calls, { identity: named, role, cluster }, principal)
  const assumption: Section = {
    title: 'Role',
    findings:
      session !== undefined && principal.caller.kind === 'node' ? [...findings, nodeMayToo(principal)] : findings,
  }
  if (session === undefined) return [assumption]
  const [sessionView, own] = [viewOf(session.credentials), viewOf(principal.credentials)]
  const context = {
    session: sessionView,
    annotationPrefix: facts.config.annotationPrefix,
    renderCommand: renderCommandOf(named, roleUnderTest),
  }
  const reached = await Promise.all(requested.map(async (source) => sectionOfSource(source, context)))
  const isolation = await checkIsolation({
    identity: named,
    sources: requested.map(({ source }) => source),
    others: named.others,
    session: sessionView,
    own,
  })
  return [assumption, ...reached, { title: 'Access that must be refused', findings: isolation }]
}

function nodeMayToo({ arn }: Principal): Finding {
  return error(
    'node-role',
    `the role of the node may assume the role of these pods: so may every pod that reaches the instance metadata (${arn})`,
    'take the role of the nodes out of the trust policy',
  )
}

async function sectionOfSource(requested: RequestedSource, context: PrefixContext): Promise<Section> {
  return { title: requested.source.uri, findings: await checkAllowedPrefix(requested, context) }
}

/** Command for these pods alone; a role shared by many needs a --scope. */
function renderCommandOf(
  { namespace, serviceAccount }: NamedIdentity,
  { role, cluster }: RoleUnderTest,
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

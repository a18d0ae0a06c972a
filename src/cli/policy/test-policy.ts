/** Judges the pods of files by the policy of a configuration file, and compares the verdicts with the expected one. */
import type { Config } from '../../config/config.ts'
import { AppError } from '../../errors.ts'
import { evaluatePodPolicy, type PodVerdict } from '../../inject/evaluate-pod-policy.ts'
import { formatOmitted } from '../../reasons.ts'
import { matchesAny } from '../../values/pattern.ts'
import { exitCodes } from '../exit-codes.ts'
import { readDocuments, reportBroken } from '../manifests/documents.ts'
import { readManifestFiles } from '../manifests/input.ts'
import { podsIn, type FoundPod } from '../manifests/pods.ts'
import { objectsIn } from '../manifests/workloads.ts'
import { printable } from '../../values/print/printable.ts'
import { describeMistake, describeWarning, pendingText } from '../judge.ts'
import { readConfig } from '../read-config.ts'
import { writeReport } from '../terminal.ts'
import { policyFormats } from './formats.ts'
import type { PolicyReport, PolicyTestOptions, TestedPod, UnusedRule } from './options.ts'

export async function testPolicy(options: PolicyTestOptions): Promise<void> {
  const config = await readConfig(options.config)
  const pods = await testPods(options, config)
  const report = { config: options.config, pods, unusedRules: unusedRules(pods, config) }
  process.stdout.write(await policyFormats[options.output](report))
  writeReport(summarise(report, options))
  if (pods.some(({ asExpected }) => !asExpected)) process.exitCode = exitCodes.findings
  else if (pods.some(({ verdict }) => verdict === 'unjudged')) process.exitCode = exitCodes.couldNotLook
}

async function testPods(options: PolicyTestOptions, config: Config): Promise<readonly TestedPod[]> {
  const documents = readDocuments(await readManifestFiles(options.filename))
  reportBroken(documents)
  const pods = documents.flatMap((document) =>
    objectsIn(document).flatMap((found) =>
      podsIn(found, config).map((pod) => testPod(pod, document.file, { options, config })),
    ),
  )
  // Without this error a build that tests nothing would always pass.
  if (pods.length === 0) {
    throw new AppError('InputUnreadable', `${options.filename.join(', ')}: holds neither a pod nor a workload`)
  }
  return pods
}

function testPod(
  found: FoundPod,
  file: string,
  { options, config }: { options: PolicyTestOptions; config: Config },
): TestedPod {
  const namespace = found.of.namespace ?? options.namespace
  const { unknown } = found
  const judged: Judged =
    unknown !== undefined && found.isPending === true
      ? { verdict: 'unjudged', models: [], problems: [pendingText(found, unknown)], warnings: [] }
      : describe(verdictOf(found, namespace, config), found)
  return { file, title: found.title, namespace, ...judged, asExpected: isExpected(judged, options) }
}

type Judged = Omit<TestedPod, 'file' | 'title' | 'namespace' | 'asExpected'>

function verdictOf({ pod, unknown }: FoundPod, namespace: string, config: Config): PodVerdict {
  return unknown === undefined
    ? evaluatePodPolicy(pod, namespace, config)
    : { state: 'invalid', mode: 'enforce', diagnostics: [unknown], warnings: [] }
}

function describe(judged: PodVerdict, found: FoundPod): Judged {
  switch (judged.state) {
    case 'skipped':
      return { verdict: 'skipped', reason: judged.reason, models: [], problems: [], warnings: [] }
    case 'invalid': {
      const { mode, diagnostics, omitted = {} } = judged
      const other = diagnostics.find(({ reason }) => reason !== 'NotAllowed') ?? diagnostics[0]
      return {
        verdict: 'denied',
        ...(other && { reason: other.reason }),
        mode,
        models: [],
        problems: [...diagnostics.map((diagnostic) => describeMistake(found, diagnostic)), ...formatOmitted(omitted)],
        warnings: warningsOf(judged, found),
      }
    }
    case 'judged': {
      const { mode, models } = judged
      const warnings = warningsOf(judged, found)
      const denied = models.some(({ verdict }) => verdict !== 'allowed')
      return denied
        ? { verdict: 'denied', reason: 'NotAllowed', mode, models, problems: [], warnings }
        : { verdict: 'allowed', mode, models, problems: [], warnings }
    }
  }
}

function warningsOf({ warnings }: Exclude<PodVerdict, { state: 'skipped' }>, found: FoundPod): readonly string[] {
  return warnings.map((warning) => describeWarning(found, warning))
}

/** A pod without a model proves no denial: its annotations may be misspelt. */
function isExpected({ verdict, reason, models }: Judged, { expect, auditWarn }: PolicyTestOptions): boolean {
  if (verdict === 'unjudged') return true
  if (expect === 'denied') return verdict === 'denied' && reason === 'NotAllowed'
  return (
    verdict !== 'denied' ||
    (auditWarn === true && models.length > 0 && models.every((model) => model.verdict !== 'denied'))
  )
}

function unusedRules(pods: readonly TestedPod[], { policy }: Config): readonly UnusedRule[] {
  const used = new Set(pods.flatMap(({ models }) => models.flatMap(({ allowing }) => allowing)))
  return policy.rules
    .filter(({ name }) => !used.has(name))
    .map(({ name, namespaces }) => {
      const about = pods.filter((pod) => pod.models.length > 0 && matchesAny(namespaces, pod.namespace)).length
      const why =
        about === 0
          ? `no pod with a model is in ${namespaces.join(', ')}`
          : `it is about ${about === 1 ? '1 pod' : `${about} pods`}, and refuses ${about === 1 ? 'its' : 'their'} models`
      return { name, why }
    })
}

function summarise({ pods, unusedRules: unused }: PolicyReport, { expect }: PolicyTestOptions): string {
  const counts = (['allowed', 'denied', 'skipped', 'unjudged'] as const).map(
    (word) => [pods.filter(({ verdict }) => verdict === word).length, word] as const,
  )
  const wrong = pods.filter(({ asExpected }) => !asExpected)
  const lines = [
    ...(expect === 'denied'
      ? wrong.map(
          ({ file, title, verdict }) =>
            `${title} of ${printable(file)} was to be denied by the policy, and is ${verdict === 'denied' ? 'denied for other mistakes' : verdict}`,
        )
      : []),
    ...(expect === 'denied'
      ? []
      : [
          ...pods.flatMap(({ title, warnings }) => warnings.map((warning) => `${title} warning: ${warning}`)),
          ...unused.map(({ name, why }) => `rule ${printable(name)} allows none of these models: ${why}`),
        ]),
    counts
      .filter(([count]) => count > 0)
      .map(([count, word]) => `${count} ${word}`)
      .join(', '),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

/**
 * SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), which code scanning of forges shows. A result for every
 * judgement but conforming.
 */
import { createHash } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { version } from '../../version.ts'
import {
  judgements,
  levelOf,
  problemNames,
  countedProblemsOf,
  waivedOf,
  waiverInWords,
  type AuditedPod,
  type Judged,
} from '../judgement.ts'
import type { Format } from './format.ts'

export const sarif: Format = async function* (pods, { summary, ...context }) {
  const driver = { name: 'model-injector', version, semanticVersion: version, rules: problemNames.map(describeRule) }
  const { place, scope, config, configHash, waivers } = context
  yield `{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"tool":${JSON.stringify({ driver })},"columnKind":"utf16CodeUnits","results":[`
  let separator = '\n'
  for await (const pod of pods) {
    for (const judged of [...countedProblemsOf(pod), ...waivedOf(pod)]) {
      yield separator +
        JSON.stringify({ ...resultOf(pod, judged), ...(waivers && { suppressions: suppressionsOf(judged) }) })
      separator = ',\n'
    }
  }
  yield `\n],"properties":${JSON.stringify({ place, scope, config, configHash, summary: summary(), waivers })}}]}\n`
}

function describeRule(name: (typeof problemNames)[number]): object {
  const { meaning, remedy, level } = judgements[name]
  return { id: name, shortDescription: { text: meaning }, help: { text: remedy }, defaultConfiguration: { level } }
}

function resultOf(pod: AuditedPod, judged: Judged): object {
  const { judgement, reason, evidence } = judged
  const title = `${pod.namespace}/${pod.name}`
  return {
    ruleId: judgement,
    ruleIndex: problemNames.findIndex((name) => name === judgement),
    level: levelOf(judged),
    message: { text: `${title}: ${reason}` },
    locations: [
      {
        // Forges show only results that have a file; a pod of a cluster gets a path that no checkout has.
        physicalLocation: {
          artifactLocation: {
            uri: pod.file === undefined ? encodePath(`cluster/${pod.namespace}/pods/${pod.name}`) : uriOf(pod.file),
          },
          region: { startLine: pod.lineOf?.(evidence[0]?.field) ?? 1 },
        },
        logicalLocations: [{ name: pod.name, fullyQualifiedName: title, kind: 'resource' }],
      },
    ],
    partialFingerprints: { 'modelInjectorAudit/v1': fingerprint(pod, judged) },
    properties: { models: pod.models.map(({ source }) => source), evidence: judged.evidence },
  }
}

/** An empty list where none is waived: with waivers, all results of a run have one (§3.27.23). */
function suppressionsOf({ waived }: Judged): readonly object[] {
  return waived === undefined ? [] : [{ kind: 'external', status: 'accepted', justification: waiverInWords(waived) }]
}

function uriOf(file: string): string {
  return file.startsWith('/') ? pathToFileURL(file).href : encodePath(file)
}

function encodePath(path: string): string {
  // Half a character has no UTF-8.
  return path.toWellFormed().split('/').map(encodeURIComponent).join('/')
}

/** Pods come and go with other names; the workload's problem stays the same one. */
function fingerprint({ namespace, owner, name, part }: AuditedPod, { judgement }: Judged): string {
  return createHash('sha256')
    .update(
      JSON.stringify([
        namespace,
        owner?.kind ?? 'Pod',
        owner?.name ?? name,
        judgement,
        ...(part === undefined ? [] : [part]),
      ]),
    )
    .digest('hex')
}

/** Reads manifests: requirements of workloads, denials, and objects that already exist. */
import type { Config } from '../../config/config.ts'
import { requirementsOf, type Requirement } from '../../deliveries/shared/requirements.ts'
import { skipReasons } from '../../reasons.ts'
import { denied, describeWarning, misplacedAnnotations, unjudged } from '../judge.ts'
import { readDocuments, reportBroken } from '../manifests/documents.ts'
import { readManifestFiles } from '../manifests/input.ts'
import { valueAt } from '../manifests/paths.ts'
import { podsIn, type FoundPod } from '../manifests/pods.ts'
import { objectsIn, type FoundObject } from '../manifests/workloads.ts'

export interface FoundRequirements {
  readonly requirements: readonly Requirement[]
  /** `v1 PersistentVolumeClaim apps/llama`, as the key of a rendered object. */
  readonly present: ReadonlySet<string>
  readonly lines: readonly string[]
  readonly isDenied: boolean
  /** True if an annotation has no value yet. */
  readonly isPending: boolean
}

export async function readRequirements(
  paths: readonly string[],
  namespace: string,
  config: Config,
): Promise<FoundRequirements> {
  const documents = readDocuments(await readManifestFiles([...new Set(paths)]))
  reportBroken(documents)
  const objects = documents.flatMap(objectsIn)
  const read = objects.flatMap((found) => {
    const pods = podsIn(found, config)
    const misplaced = misplacedAnnotations(found, pods, config.annotationPrefix).map((text) => warningOf(found, text))
    return [
      ...pods.map((pod) => readPodOf(pod, found.namespace ?? namespace, config)),
      { requirements: [], lines: misplaced },
    ]
  })
  return {
    requirements: read.flatMap(({ requirements }) => requirements),
    present: new Set(objects.map((found) => presentKey(found, namespace))),
    lines: read.flatMap(({ lines }) => lines),
    isDenied: read.some((object) => object.isDenied),
    isPending: read.some((object) => object.isPending),
  }
}

type ReadObject = Pick<FoundRequirements, 'requirements' | 'lines'> &
  Partial<Pick<FoundRequirements, 'isDenied' | 'isPending'>>

function warningOf({ title }: Pick<FoundObject, 'title'>, text: string): string {
  return `${title} warning: ${text}`
}

function readPodOf(found: FoundPod, namespace: string, config: Config): ReadObject {
  const { title, unknown, isPending = false } = found
  if (unknown !== undefined) {
    const lines = linesOf(title, unjudged(found, unknown).lines)
    return { requirements: [], lines, isDenied: !isPending, isPending }
  }
  const result = requirementsOf(found.pod, namespace, config)
  switch (result.outcome) {
    case 'skipped':
      return { requirements: [], lines: [`${title} skipped: ${skipReasons[result.reason]}`] }
    case 'denied':
      return {
        requirements: [],
        lines: linesOf(title, denied(result.diagnostics, found, [], result.omitted).lines),
        isDenied: true,
      }
    case 'found':
      return {
        requirements: result.requirements,
        lines: result.warnings.map((warning) => warningOf(found, describeWarning(found, warning))),
      }
  }
}

function linesOf(title: string, lines: readonly string[]): string[] {
  return lines.map((line, i) => (i === 0 ? `${title} ${line}` : `  ${line}`))
}

/** A ServiceAccount or claim without a namespace is applied to that of the command. */
function presentKey({ object, kind, name, namespace }: FoundObject, byDefault: string): string {
  const apiVersion = valueAt(object, ['apiVersion'])
  return `${typeof apiVersion === 'string' ? apiVersion : ''} ${kind} ${namespace ?? byDefault}/${name ?? ''}`
}

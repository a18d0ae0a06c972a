/** Reads manifests: requirements of workloads, denials, and objects that already exist. */
import type { Config } from '../../config/config.ts'
import { requirementsOf, type Requirement } from '../../deliveries/shared/requirements.ts'
import { skipReasons } from '../../reasons.ts'
import { denied, misplacedAnnotations } from '../judge.ts'
import { readDocuments } from '../manifests/documents.ts'
import { readManifestFiles } from '../manifests/input.ts'
import { objectsOf, valueAt, type FoundObject } from '../manifests/workloads.ts'

export interface FoundRequirements {
  readonly requirements: readonly Requirement[]
  /** `v1 PersistentVolumeClaim apps/llama`, as the key of a rendered object. */
  readonly present: ReadonlySet<string>
  readonly lines: readonly string[]
  readonly isDenied: boolean
}

export async function readRequirements(
  paths: readonly string[],
  namespace: string,
  config: Config,
): Promise<FoundRequirements> {
  const documents = readDocuments(await readManifestFiles([...new Set(paths)]))
  const objects = documents.flatMap(({ value }) => objectsOf(value))
  const read = objects.map((found) => readObject(found, found.namespace ?? namespace, config))
  return {
    requirements: read.flatMap(({ requirements }) => requirements),
    present: new Set(objects.map((found) => presentKey(found, namespace))),
    lines: read.flatMap(({ lines }) => lines),
    isDenied: read.some(({ isDenied }) => isDenied),
  }
}

type ReadObject = Omit<FoundRequirements, 'present'>

function readObject(found: FoundObject, namespace: string, config: Config): ReadObject {
  const { podPath, title } = found
  if (podPath === undefined) return { requirements: [], lines: [], isDenied: false }
  const result = requirementsOf(valueAt(found.object, podPath), namespace, config)
  const misplaced = misplacedAnnotations(found, config.annotationPrefix).map(
    (warning) => `${title} warning: ${warning}`,
  )
  switch (result.outcome) {
    case 'skipped':
      return {
        requirements: [],
        lines: [`${title} skipped: ${skipReasons[result.reason]}`, ...misplaced],
        isDenied: false,
      }
    case 'denied':
      return {
        requirements: [],
        lines: [...linesOf(title, denied(result.diagnostics, podPath).lines), ...misplaced],
        isDenied: true,
      }
    case 'found':
      return { requirements: result.requirements, lines: misplaced, isDenied: false }
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

/**
 * Writes policies/known-annotations.yaml, which the placement policy reads; with --check it changes nothing and fails if
 * the file is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { annotationNames, annotations, type AnnotationName } from '../../src/annotations.ts'
import { deliveries } from '../../src/values/source.ts'

const file = join(import.meta.dirname, 'policies', 'known-annotations.yaml')
const title = '# Made from the table of annotations by make generate.\n'

if (import.meta.main) writeOrCheck(process.argv.includes('--check'))

/** The annotations users can write: those of the whole pod, and those of a model with the deliveries they apply to. */
export function knownAnnotations(): string {
  const ofScope = (scope: 'pod' | 'model'): AnnotationName[] =>
    annotationNames.filter((name) => annotations[name].scope === scope).sort()
  const model = Object.fromEntries(ofScope('model').map((name) => [name, annotations[name].appliesTo ?? deliveries]))
  return title + stringify({ pod: ofScope('pod'), model }, { aliasDuplicateObjects: false, collectionStyle: 'any' })
}

function writeOrCheck(isCheck: boolean): void {
  const expected = knownAnnotations()
  if (!isCheck) {
    writeFileSync(file, expected)
    return
  }
  if (readFileSync(file, 'utf8') === expected) return
  process.stderr.write('deploy/chart/policies/known-annotations.yaml is out of date: run make generate\n')
  process.exitCode = 1
}

/** Warns of values that are accepted, and hardly meant: each was seen in manifests of people whose pods then waited for a model. */
import type { AnnotationName } from '../annotations.ts'
import { quote } from '../values/print/printable.ts'
import { Mi } from '../values/quantity.ts'
import type { Source } from '../values/source.ts'
import type { ModelRequest } from './model-request.ts'

/** The written annotation, and the likely meaning. */
export interface UnlikelyValue {
  readonly annotation: AnnotationName
  readonly problem: string
}

/** A shell, Kubernetes, Helm or a page of documentation would have replaced them. */
const placeholder = /\$\{[^}]*\}|\$\([^)]*\)|\{\{|<[^>/]+>/
/** None of it is special in a pattern, and hardly any key has it. */
const regularExpression = /\.\*|\.\+|\\|^\^|\$$|\(|\|/
/** Regions of AWS end in a number. */
const awsRegion = /-\d+$/
/** Names of shells: they read no other variable. */
const shellName = /^[A-Za-z_]\w*$/

/** Only of the annotations that `chose` says the pod has itself. */
export function unlikelyValues(
  model: ModelRequest,
  chose: (annotation: AnnotationName) => boolean,
): readonly UnlikelyValue[] {
  const { source, sizeBytes, region, endpoint, env } = model
  const problems: Readonly<Partial<Record<AnnotationName, string | undefined>>> = {
    source: sourceProblem(source),
    size: sizeBytes !== undefined && sizeBytes < Mi ? sizeProblem(sizeBytes) : undefined,
    include: patternProblem(model.include),
    exclude: patternProblem(model.exclude),
    region:
      region !== undefined && endpoint === undefined && !awsRegion.test(region)
        ? `${quote(region)} is no region of AWS, whose names end in a number, as eu-west-1`
        : undefined,
    env:
      env !== undefined && !shellName.test(env)
        ? `no shell can read the variable ${quote(env)}; write ${env.toUpperCase().replace(/\W/g, '_')}`
        : undefined,
  }
  return (Object.entries(problems) as [AnnotationName, string | undefined][]).flatMap(([annotation, problem]) =>
    problem !== undefined && chose(annotation) ? [{ annotation, problem }] : [],
  )
}

function sourceProblem(source: Source): string | undefined {
  const { uri } = source
  const found = placeholder.exec(uri)?.[0]
  if (found !== undefined) return `${quote(uri)} holds ${quote(found)}, which nothing replaces`
  const isObject = source.scheme === 's3' && source.extent === 'object'
  // Files of models have an extension, and directories have none; a version as 1.2.3 is a directory.
  return isObject && !/\.[A-Za-z]\w*$/.test(source.key)
    ? `${quote(uri)} names one object; a prefix ends in a slash: ${uri}/`
    : undefined
}

function sizeProblem(bytes: number): string {
  return `${bytes} bytes are less than any model has; did you mean ${bytes}Gi?`
}

function patternProblem(patterns: readonly string[]): string | undefined {
  const found = patterns.find((pattern) => regularExpression.test(pattern))
  return found === undefined
    ? undefined
    : `${quote(found)} looks like a regular expression; patterns know * and ? alone`
}

/** Reads single annotations, falls back to the operator's defaults, and denies keys that mean nothing. */
import {
  annotationNames,
  annotations,
  appliesTo,
  isAnnotationName,
  type AnnotationName,
  type ValueOf,
} from '../annotations.ts'
import type { Delivery, Source } from '../values/source.ts'
import type { Config } from '../config/config.ts'
import { nearest } from '../nearest.ts'
import { quote } from '../values/print/printable.ts'
import { isModelName, longestModelName } from '../values/names.ts'
import type { Parsed } from '../values/parsed.ts'
import type { Findings } from './findings.ts'
import { annotationKey, type OwnAnnotation } from './keys.ts'
import { annotationField } from '../pod/field-path.ts'

/** The name of the unsuffixed model. */
export const unsuffixedName = 'model'

/** Suffixes that have a source, the unsuffixed model first. */
export function modelSuffixes(own: readonly OwnAnnotation[]): (string | undefined)[] {
  return own.filter(({ name, suffix }) => name === 'source' && isUsableSuffix(suffix)).map(({ suffix }) => suffix)
}

function isUsableSuffix(suffix: string | undefined): boolean {
  return suffix === undefined || (suffix !== unsuffixedName && isModelName(suffix))
}

/** The values of the defaults, which are read once for a configuration: most pods leave most annotations to the operator. */
const readDefaults = new WeakMap<Config, Map<AnnotationName, Parsed<unknown>>>()

export class AnnotationReader {
  /** By suffix, then by name. */
  readonly #values: ReadonlyMap<string | undefined, ReadonlyMap<string, string>>
  readonly #config: Config
  readonly #findings: Findings

  constructor(own: readonly OwnAnnotation[], config: Config, findings: Findings) {
    this.#values = valuesBySuffix(own)
    this.#config = config
    this.#findings = findings
  }

  has(name: AnnotationName, suffix?: string): boolean {
    return this.#values.get(suffix)?.has(name) === true
  }

  /** The pod's own value, else the operator's; undefined where there is none or where it was reported as bad. */
  read<N extends AnnotationName>(name: N, suffix?: string, modelName = ''): ValueOf<N> | undefined {
    const text = this.#values.get(suffix)?.get(name) ?? this.#default(name, modelName)
    if (text === undefined) return undefined
    const row = annotations[name]
    const result = text === this.#config.defaults[name] ? this.#readDefault(name, text) : row.parse(text)
    if (result.ok) return result.value as ValueOf<N>
    this.#findings.deny({
      reason: 'InvalidAnnotation',
      field: annotationField(annotationKey(this.#config.annotationPrefix, name, suffix)),
      found: text,
      problem: result.problem,
      accepted: row.accepted,
    })
    return undefined
  }

  /** Denies what cannot be read of a model whose source cannot be read either: all mistakes come in one answer. */
  readWritten(suffix: string | undefined): void {
    for (const name of annotationNames) {
      if (name !== 'source' && annotations[name].scope === 'model' && this.has(name, suffix)) this.read(name, suffix)
    }
  }

  /** Only the mount path's default has a place for the model's name. */
  #default(name: AnnotationName, modelName: string): string | undefined {
    const text = this.#config.defaults[name]
    return name === 'mount-path' ? text?.replaceAll('NAME', modelName) : text
  }

  #readDefault(name: AnnotationName, text: string): Parsed<unknown> {
    const known = readDefaults.get(this.#config) ?? new Map<AnnotationName, Parsed<unknown>>()
    readDefaults.set(this.#config, known)
    const result = known.get(name) ?? annotations[name].parse(text)
    known.set(name, result)
    return result
  }

  /** Denies annotations that would have no effect on this delivery: they are misunderstandings. */
  checkApplicability(suffix: string | undefined, delivery: Delivery, source: Source): void {
    const values = this.#values.get(suffix)
    for (const name of annotationNames) {
      const found = values?.get(name)
      if (found === undefined) continue
      const writable = name === 'read-only' && found === 'false' && delivery !== 'download'
      if (appliesTo(name, delivery) && !writable) continue
      this.#findings.deny({
        reason: 'NotApplicable',
        field: annotationField(annotationKey(this.#config.annotationPrefix, name, suffix)),
        found,
        problem: `does not apply to ${quote(source.uri)} delivered as ${delivery}${writable ? ', which is mounted read-only' : ''}`,
        remedy: 'remove it',
      })
    }
  }
}

function valuesBySuffix(own: readonly OwnAnnotation[]): Map<string | undefined, Map<string, string>> {
  const values = new Map<string | undefined, Map<string, string>>()
  for (const { name, suffix, value } of own) {
    const known = values.get(suffix) ?? new Map<string, string>()
    values.set(suffix, known.set(name, value))
  }
  return values
}

/** Reports unknown names, misplaced suffixes, and annotations of a model that has no source. */
export function checkKeys(own: readonly OwnAnnotation[], config: Config, findings: Findings): void {
  const suffixesWithSource = new Set(own.filter(({ name }) => name === 'source').map(({ suffix }) => suffix))
  for (const annotation of own) checkKey(annotation, suffixesWithSource, config, findings)
}

function checkKey(
  annotation: OwnAnnotation,
  suffixesWithSource: ReadonlySet<string | undefined>,
  config: Config,
  findings: Findings,
): void {
  const { key, name, suffix, value } = annotation
  const field = annotationField(key)
  if (!isAnnotationName(name)) {
    reportUnknown(annotation, config, findings)
  } else if (annotations[name].scope === 'pod') {
    if (suffix !== undefined) {
      const remedy = `write ${annotationKey(config.annotationPrefix, name)}`
      findings.deny({
        reason: 'UnknownAnnotation',
        field,
        found: value,
        problem: 'is for the whole pod and takes no suffix',
        remedy,
      })
    }
  } else if (!isUsableSuffix(suffix)) {
    const problem =
      suffix === unsuffixedName ? 'has the suffix of the unsuffixed model' : 'has a suffix that is no model name'
    findings.deny({
      reason: 'UnknownAnnotation',
      field,
      found: value,
      problem,
      accepted: `a DNS label of at most ${longestModelName} characters`,
    })
  } else if (!suffixesWithSource.has(suffix)) {
    const source = annotationKey(config.annotationPrefix, 'source', suffix)
    findings.deny({
      reason: 'OrphanAnnotation',
      field,
      found: value,
      problem: `has no ${source}`,
      remedy: 'add the source or remove this',
    })
  }
}

function reportUnknown({ key, name, suffix }: OwnAnnotation, config: Config, findings: Findings): void {
  const near = nearest(name, annotationNames)
  const meant = near === undefined ? undefined : annotationKey(config.annotationPrefix, near, suffix)
  if (config.unknownAnnotations === 'warn') {
    findings.warn(
      'UnknownAnnotationIgnored',
      `${quote(key)} is not known and was ignored${meant === undefined ? '' : `, did you mean ${meant}?`}`,
      annotationField(key),
    )
    return
  }
  findings.deny({
    reason: 'UnknownAnnotation',
    field: annotationField(key),
    problem: 'is no annotation of model-injector',
    ...(meant === undefined ? { accepted: annotationNames.join(', ') } : { remedy: `did you mean ${meant}?` }),
  })
}

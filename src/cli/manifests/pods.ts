/**
 * The pods of an object: where its kind has them by the table of kinds or by the operator's configuration, and wherever else something
 * has the shape of a pod template. An object that asks for a model and has no known pod is one that cannot be judged.
 */
import type { Config } from '../../config/config.ts'
import { statusAnnotation } from '../../annotations.ts'
import type { Diagnostic } from '../../reasons.ts'
import { annotationField } from '../../pod/field-path.ts'
import { printable } from '../../values/print/printable.ts'
import { builtInPlaces, groupsWithoutPods, knownKinds, type MadePlace, type PodPlace } from './kinds.ts'
import type { MadePod } from './made-pods.ts'
import { formatPath, isObject, matchingPaths, valueAt, type Path } from './paths.ts'
import type { FoundObject } from './workloads.ts'

export interface FoundPod {
  readonly of: FoundObject
  /** `raycluster/chat (head)`: the pod's word only where the object has several. */
  readonly title: string
  /** Its word among the pods of the object; undefined for the only one. */
  readonly part: string | undefined
  /** The pod or pod template; unvalidated. */
  readonly pod: unknown
  /** Path of the pod in the object; undefined if an operator makes it of other fields, so that nothing can be added to it there. */
  readonly path: Path | undefined
  /** The places of the object that give the pod its annotations; the last is the one to recommend. */
  readonly annotationPlaces: readonly Path[]
  /** Translates a field path of the pod to one of the object. */
  readonly fieldOf: (field: string) => string
  /** Only for an object that asks for a model, and whose pods are not known. */
  readonly unknown?: Diagnostic
  /** True if nothing is wrong with what is unknown: it has a value once the operator has filled it in. */
  readonly isPending?: true
}

export type PodSettings = Pick<Config, 'annotationPrefix' | 'customResources'>

type Place = Omit<FoundPod, 'of' | 'title' | 'part'> & { readonly word: string; readonly at: Path }

export function podsIn(found: FoundObject, settings: PodSettings): readonly FoundPod[] {
  const places = placesOf(found, settings)
  return places.length === 0
    ? unknownPod(found, settings)
    : places.map((place) => ({
        ...place,
        ...pendingIn(place, found, settings),
        of: found,
        ...(places.length === 1
          ? { title: found.title, part: undefined }
          : { title: `${found.title} (${place.word})`, part: place.word }),
      }))
}

/** Kinds whose operator replaces `{{inputs.parameters.model}}` before it makes a pod. */
const filledInByArgo = ['Workflow', 'WorkflowTemplate', 'ClusterWorkflowTemplate', 'CronWorkflow']

function pendingIn(
  { pod, fieldOf }: Place,
  { group, kind }: FoundObject,
  { annotationPrefix }: PodSettings,
): Pick<FoundPod, 'unknown' | 'isPending' | 'fieldOf'> | undefined {
  if (group !== 'argoproj.io' || !filledInByArgo.includes(kind)) return undefined
  const annotations = valueAt(pod, ['metadata', 'annotations'])
  const pending = Object.entries(isObject(annotations) ? annotations : {}).flatMap(([key, value]) =>
    key.startsWith(annotationPrefix) && typeof value === 'string' && /\{\{.*\}\}/s.test(value)
      ? [{ field: fieldOf(annotationField(key)), found: value }]
      : [],
  )
  const [first, ...others] = pending
  if (first === undefined) return undefined
  const also = others.length === 0 ? '' : `, nor are those of ${others.map(({ field }) => printable(field)).join(', ')}`
  return {
    fieldOf: () => first.field,
    isPending: true,
    unknown: { reason: 'InvalidPod', ...first, problem: `is not known until Argo fills it in${also}` },
  }
}

function placesOf(found: FoundObject, settings: PodSettings): readonly Place[] {
  const { object, group, kind } = found
  const type = `${group}/${kind}`
  if (Object.hasOwn(builtInPlaces, type)) return [templateAt(object, builtInPlaces[type] ?? [])]
  const given = givenKind(found, settings)
  if (given !== undefined) return given.pods.flatMap((place) => givenPods(object, place))
  const known = knownKinds.find((row) => row.kind === kind && row.group === group)?.places ?? []
  const named = known.flatMap((place) => knownPods(object, place))
  const shaped = templatesIn(object).filter((path) => !named.some(({ at }) => isBelow(path, at)))
  return [...named, ...shaped.map((path) => templateAt(object, path))].toSorted((a, b) => compare(object, a.at, b.at))
}

/** In the order of the object. */
function compare(object: unknown, a: Path, b: Path): number {
  const i = a.findIndex((key, depth) => key !== b[depth])
  if (i < 0) return a.length - b.length
  const keys = Object.keys(valueAt(object, a.slice(0, i)) ?? {})
  return keys.indexOf(String(a[i])) - keys.indexOf(String(b[i]))
}

function isBelow(path: Path, at: Path): boolean {
  return at.every((key, i) => path[i] === key)
}

function templateAt(object: unknown, at: Path, word: string = formatPath(at)): Place {
  return {
    at,
    word,
    pod: valueAt(object, at),
    path: at,
    annotationPlaces: [[...at, 'metadata', 'annotations']],
    fieldOf: (field) => (at.length === 0 ? field : field === 'pod' ? formatPath(at) : `${formatPath(at)}.${field}`),
  }
}

function knownPods(object: unknown, { at: pattern, word = '', namedBy, made }: PodPlace): readonly Place[] {
  return matchingPaths(object, pattern).flatMap((at) => {
    const item = nameOfItem(object, at, pattern, namedBy)
    const words = printable([word, item].filter((part) => part !== '').join(' '))
    const title = words === '' ? formatPath(at) : words
    if (made !== undefined) return madePods(object, at, made, title)
    return isObject(valueAt(object, at)) ? [templateAt(object, at, title)] : []
  })
}

/** The name of the last item of a list or map on the way. */
function nameOfItem(object: unknown, at: Path, pattern: string, namedBy: string | undefined): string {
  const depth = at.findLastIndex((key) => typeof key === 'number')
  if (depth >= 0) {
    const name = valueAt(object, [...at.slice(0, depth + 1), namedBy ?? 'name'])
    return typeof name === 'string' ? name : String(at[depth])
  }
  return pattern.includes('.*.') ? String(at[at.length - 2] ?? '') : ''
}

function madePods(
  object: unknown,
  at: Path,
  { annotations, make, isTemplate }: MadePlace,
  word: string,
): readonly Place[] {
  const made = make(object, at)
  if (made === undefined) return []
  const places = annotations.map((place): Path => {
    const keys = place.split('.').filter((key) => key !== '')
    return place.startsWith('.') ? [...at, ...keys] : keys
  })
  const takesParts = isTemplate === true && isObject(valueAt(object, [...at, 'metadata']))
  return [madePlace(object, at, { made, places, word, path: takesParts ? at : undefined })]
}

function madePlace(
  object: unknown,
  at: Path,
  { made, places, word, path }: { made: MadePod; places: readonly Path[]; word: string; path: Path | undefined },
): Place {
  const given = places.map((place) => valueAt(object, place)).filter((value) => value !== undefined && value !== null)
  const odd = given.find((value) => !isObject(value) || Array.isArray(value))
  const annotations: unknown = odd ?? Object.assign({}, ...(given as object[]))
  const own = path === undefined ? {} : (valueAt(object, [...path, 'metadata']) as object)
  const origins: MadePod['origins'] = [...made.origins, ['spec', at]]
  return {
    at,
    word,
    pod: { metadata: { ...own, annotations }, spec: made.spec },
    path,
    annotationPlaces: places,
    fieldOf: (field) => {
      const key = /^metadata\.annotations\[(.*)\]$/.exec(field)?.[1]
      if (key !== undefined) return `${formatPath(placeOfAnnotation(object, places, key))}[${key}]`
      const origin = origins
        .filter(([prefix]) => field === prefix || field.startsWith(`${prefix}.`) || field.startsWith(`${prefix}[`))
        .toSorted(([a], [b]) => b.length - a.length)[0]
      return origin === undefined ? formatPath(at) : formatPath(origin[1]) + field.slice(origin[0].length)
    },
  }
}

function placeOfAnnotation(object: unknown, places: readonly Path[], key: string): Path {
  return places.findLast((place) => valueAt(object, [...place, key]) !== undefined) ?? places.at(-1) ?? []
}

type GivenKind = NonNullable<PodSettings['customResources']>[number]

function givenKind({ group, kind }: FoundObject, { customResources = [] }: PodSettings): GivenKind | undefined {
  return customResources.find((row) => row.kind === `${kind}.${group}`)
}

/** The indexes of the place of the pod are those of its annotations. */
function givenPods(object: unknown, { annotations, spec }: GivenKind['pods'][number]): readonly Place[] {
  return matchingPaths(object, spec).map((at) => {
    const indexes = at.filter((key) => typeof key === 'number')
    const place = matchingPaths(object, annotations).find((path) =>
      path.filter((key) => typeof key === 'number').every((key, i) => key === indexes[i]),
    )
    const value = valueAt(object, at)
    const made = { spec: isObject(value) ? value : {}, origins: [] }
    const word = formatPath(at)
    return madePlace(object, at, { made, places: [place ?? annotations.split('.')], word, path: undefined })
  })
}

/** No template of a pod stands deeper. */
const deepest = 40

/** The status may tell of pods, but makes none. */
function templatesIn(value: unknown, path: Path = []): readonly Path[] {
  if (!isObject(value) || path.length > deepest) return []
  // An object whose spec is that of a pod gives its pods annotations that are unknown here.
  if (path.length > 0 && isPodTemplate(value)) return [path]
  if (Array.isArray(value)) return value.flatMap((item, i) => templatesIn(item, [...path, i]))
  return Object.entries(value).flatMap(([key, item]) =>
    path.length === 0 && (key === 'status' || key === 'metadata') ? [] : templatesIn(item, [...path, key]),
  )
}

function isPodTemplate(value: Readonly<Record<string, unknown>>): boolean {
  const containers = valueAt(value, ['spec', 'containers'])
  return (
    Array.isArray(containers) &&
    containers.length > 0 &&
    containers.every((item) => isObject(item) && (typeof item.name === 'string' || typeof item.image === 'string'))
  )
}

function unknownPod(found: FoundObject, settings: PodSettings): readonly FoundPod[] {
  if (!mayHavePods(found, settings)) return []
  const [place] = annotatedPlaces(found.object, settings.annotationPrefix)
  if (place === undefined) return []
  const { path, keys } = place
  const field = `${formatPath(path)}[${keys[0] ?? ''}]`
  return [
    {
      of: found,
      title: found.title,
      part: undefined,
      pod: undefined,
      path: undefined,
      annotationPlaces: [],
      fieldOf: () => field,
      unknown: {
        reason: 'InvalidPod',
        field,
        problem: 'asks for a model, but no pod template is in this object, so what its pods get is unknown',
        remedy: `write it to the pod template that ${printable(found.kind)} refers to, or describe the kind by customResources in the configuration (no pods: an empty list)`,
      },
    },
  ]
}

/** Some tools write annotations to every object, and the API's own kinds are known. */
function mayHavePods(found: FoundObject, settings: PodSettings): boolean {
  const { group, kind } = found
  const isBuiltIn = !group.includes('.') || (group.endsWith('.k8s.io') && !group.endsWith('.x-k8s.io'))
  const isWithoutPods = groupsWithoutPods.some((word) => word === group || word === `${group}/${kind}`)
  return isObject(found.object) && !isBuiltIn && !isWithoutPods && givenKind(found, settings) === undefined
}

export interface AnnotatedPlace {
  readonly path: Path
  readonly keys: readonly string[]
}

/** Every map of annotations of the object that has some of ours, but for the status. */
export function annotatedPlaces(value: unknown, prefix: string, path: Path = []): readonly AnnotatedPlace[] {
  if (!isObject(value) || path.length > deepest) return []
  if (Array.isArray(value)) return value.flatMap((item, i) => annotatedPlaces(item, prefix, [...path, i]))
  const name = path.at(-1)
  if (typeof name === 'string' && /annotations$/i.test(name)) {
    const keys = Object.keys(value).filter((key) => key.startsWith(prefix) && key !== prefix + statusAnnotation)
    return keys.length === 0 ? [] : [{ path, keys }]
  }
  return Object.entries(value).flatMap(([key, item]) =>
    path.length === 0 && key === 'status' ? [] : annotatedPlaces(item, prefix, [...path, key]),
  )
}

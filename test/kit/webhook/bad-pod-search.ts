/**
 * Looks for pods that cost much more than their bytes: pods by chance, and mutations of the worst so far. What an admission costs is its
 * CPU time beside that of reading as many bytes and answering as many, so a busy machine changes nothing.
 */
import fastJsonPatch from 'fast-json-patch'
import type { Admission } from '../../../src/admission/admit.ts'
import type { AdmissionRequest } from '../../../src/admission/review.ts'
import {
  cross,
  mutate,
  pickOne,
  podFrom,
  randomRecipe,
  scaled,
  seededRandom,
  type PodRecipe,
} from './bad-pod-recipes.ts'
import type { Json } from './large-pod.ts'
import { reviewOf } from './reviews.ts'

/** The API server takes no larger object. */
const largestBytes = 3 * 1024 * 1024
/** The first pods are small: what grows with the square shows there already, and would take hours in a large one. */
const smallestBytes = 8 * 1024
/** How many of the worst are kept. */
const kept = 24

/**
 * Smaller pods are measured as if they were as long: the 32 models that a pod may have cost what they cost, some milliseconds, in a pod of
 * 5 KiB, too.
 */
const leastFloorBytes = 64 * 1024
const MiB = 1024 * 1024

interface Costs {
  readonly bytes: number
  /** Multiples of the CPU time of reading as many bytes and writing an answer as long, over TLS: 882 mounts are 280 KB. */
  readonly timesFloor: number
  readonly heapMiB: number
  readonly reason: string
}

export interface Tried extends Costs {
  readonly recipe: PodRecipe
}

export interface Search {
  readonly tried: number
  /** The first that is beyond the bounds, after it was measured again. */
  readonly bad: Tried | undefined
  /** The worst first. */
  readonly worst: readonly Tried[]
}

interface SearchOptions {
  readonly seed: number
  readonly pods: number
  readonly deadlineMs: number
  readonly bounds: { readonly timesFloor: number; readonly heapMiB: number }
  readonly admit: (request: AdmissionRequest) => Admission
  /** Everything that the webhook does with a body. */
  readonly answer: (body: string) => { readonly reason: string; readonly answer: unknown }
  /** CPU time of receiving a request and sending its answer, in milliseconds. */
  readonly requestMs: number
}

export function searchBadPods(options: SearchOptions): Search {
  const { seed, pods, bounds } = options
  const random = seededRandom(seed)
  const worst: Tried[] = []
  const end = performance.now() + options.deadlineMs
  let tried = 0
  while (tried < pods && performance.now() < end) {
    const limitBytes = smallestBytes * (largestBytes / smallestBytes) ** Math.min(1, (2 * tried) / pods)
    const { recipe, body } = fit(nextRecipe(worst, random), limitBytes, options)
    const costs = measureAgain(measure(body, options), worst, () => measure(body, options))
    tried++
    if (isBeyond(costs, bounds)) return { tried, bad: { ...costs, recipe }, worst }
    keep(worst, { ...costs, recipe })
  }
  return { tried, bad: undefined, worst }
}

function nextRecipe(worst: readonly Tried[], random: () => number): PodRecipe {
  const kind = random()
  if (worst.length < 2 || kind < 0.3) return randomRecipe(random)
  const one = pickOne(worst, random).recipe
  if (kind < 0.5) return cross(one, pickOne(worst, random).recipe, random)
  return mutate(kind < 0.6 ? scaled(one, 2) : one, random)
}

/** Less of everything until it is small enough. */
function fit(recipe: PodRecipe, limitBytes: number, options: SearchOptions): { recipe: PodRecipe; body: string } {
  const body = textOf(reviewFor(recipe, options))
  return body !== undefined && body.length <= limitBytes
    ? { recipe, body }
    : fit(scaled(recipe, 0.6), limitBytes, options)
}

/** Undefined where it would be longer than a string can be: amounts that were doubled often multiply each other. */
function textOf(review: Json): string | undefined {
  try {
    return JSON.stringify(review)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function reviewFor(recipe: PodRecipe, { admit }: SearchOptions): Json {
  const made = podFrom(recipe)
  const object = recipe.chosen.pass === 'second' && isSmall(made) ? passedOnce(made, admit) : made
  const { operation } = recipe.chosen
  return reviewOf(object, { operation, oldObject: operation === 'UPDATE' ? object : null })
}

/** As large as it may be, with no room for what the first pass adds. */
function isSmall(pod: Json): boolean {
  return JSON.stringify(pod).length < largestBytes / 2
}

function passedOnce(pod: Json, admit: SearchOptions['admit']): Json {
  const { request } = reviewOf(pod)
  const { review } = admit({ ...request, name: '', isPodCreation: true } as unknown as AdmissionRequest)
  const { patch } = review.response as { readonly patch?: string }
  if (patch === undefined) return pod
  const operations = JSON.parse(Buffer.from(patch, 'base64').toString()) as fastJsonPatch.Operation[]
  return fastJsonPatch.applyPatch(structuredClone(pod), operations).newDocument
}

function measure(body: string, { answer, requestMs }: SearchOptions): Costs {
  const bytes = body.length
  const parseMs = cpuMsOf(() => JSON.stringify(JSON.parse(body)))
  const heapBefore = process.memoryUsage().heapUsed
  let reason = ''
  let held: unknown
  const ms = cpuMsOf(() => {
    const { reason: found, answer: given } = answer(body)
    reason = found
    held = given
  })
  const heapMiB = (process.memoryUsage().heapUsed - heapBefore) / MiB
  const answerMs = cpuMsOf(() => Buffer.from(JSON.stringify({ answer: held })))
  const floorMs = requestMs + parseMs * Math.max(1, leastFloorBytes / bytes) + answerMs
  return { bytes, timesFloor: (requestMs + ms) / floorMs, heapMiB: held === undefined ? 0 : heapMiB, reason }
}

/** Not that of other processes, nor of waiting. */
export function cpuMsOf(run: () => unknown): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** Only what is among the worst: a collection of garbage in one measurement is none of the pod's. */
function measureAgain(first: Costs, worst: readonly Tried[], measureOnce: () => Costs): Costs {
  const isWorst = worst.length < kept || first.timesFloor > worst[kept - 1]!.timesFloor
  return isWorst ? leastOf(first, [measureOnce(), measureOnce(), measureOnce()]) : first
}

function isBeyond(costs: Costs, bounds: SearchOptions['bounds']): boolean {
  return costs.timesFloor > bounds.timesFloor || costs.heapMiB > bounds.heapMiB
}

function leastOf(first: Costs, others: readonly Costs[]): Costs {
  return others.reduce(
    (least, { timesFloor, heapMiB }) => ({
      ...least,
      timesFloor: Math.min(least.timesFloor, timesFloor),
      heapMiB: Math.min(least.heapMiB, heapMiB),
    }),
    first,
  )
}

function keep(worst: Tried[], tried: Tried): void {
  worst.push(tried)
  worst.sort((a, b) => b.timesFloor - a.timesFloor)
  worst.length = Math.min(worst.length, kept)
}

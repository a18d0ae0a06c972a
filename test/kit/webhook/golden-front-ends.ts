/**
 * The ways in which users reach the core. Each has to say of every case what the core says: the same decision, the same
 * words, the same manifest.
 */
import { readFileSync } from 'node:fs'
import jsonPatch, { type Operation } from 'fast-json-patch'
import { admit } from '../../../src/admission/admit.ts'
import { readReview } from '../../../src/admission/review.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import type { Outcome } from '../../../src/inject/inject.ts'
import type { Pod } from '../../../src/pod/pod.ts'
import { formatDiagnostic, injectReasons, skipReasons } from '../../../src/reasons.ts'
import {
  configFile,
  inputFile,
  parseYAML,
  podOfManifest,
  withPod,
  type GoldenCase,
  type GoldenManifest,
} from './golden-corpus.ts'

export interface FrontEndAnswer {
  readonly outcome: string
  /** The diagnostics of a denial, else the reason in words. */
  readonly words: readonly string[]
  readonly warnings: readonly string[]
  /** The resulting pod; nothing is created if it is denied. */
  readonly manifest: unknown
}

export function answerOfCore({ manifest }: GoldenCase, outcome: Outcome): FrontEndAnswer {
  const warnings = outcome.warnings.map(({ message }) => message)
  switch (outcome.outcome) {
    case 'skipped':
      return { outcome: 'skipped', words: [skipReasons[outcome.reason]], warnings, manifest }
    case 'injected':
      return {
        outcome: 'injected',
        words: [injectReasons[outcome.reason]],
        warnings,
        manifest: withPod(manifest, outcome.pod),
      }
    case 'denied':
      return { outcome: 'denied', words: outcome.diagnostics.map(formatDiagnostic), warnings, manifest: undefined }
  }
}

/** As the API server does: the pod that the workload's controller makes goes in as JSON, and the patch is applied to it. */
export function askWebhook({ manifest, namespace, config }: GoldenCase): FrontEndAnswer {
  const pod = createdPod(manifest)
  const read = readReview(JSON.parse(JSON.stringify(reviewOf(pod, namespace))))
  if (!read.ok) throw new Error(read.problem)
  const { allowed, auditAnnotations, patch, status, warnings = [] } = admit(read.request, config).review.response
  const { decision = '', reason = '' } = auditAnnotations
  const reasons: Readonly<Record<string, string>> = { ...skipReasons, ...injectReasons }
  return {
    outcome: decision,
    words: allowed ? [reasons[reason] ?? reason] : (status?.message ?? '').split('\n').slice(1),
    warnings,
    manifest: allowed ? withPod(manifest, templateOf(manifest, applyPatch(pod, patch))) : undefined,
  }
}

function reviewOf(object: unknown, namespace: string): object {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'c8a6f1de-0a5e-4f0a-9f5c-2f6f3d0f6a11',
      operation: 'CREATE',
      namespace,
      object,
      dryRun: false,
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
    },
  }
}

const podType = { apiVersion: 'v1', kind: 'Pod' }

/** A controller names the pod after the workload and takes everything else from the template. */
function createdPod(manifest: GoldenManifest): Pod {
  const pod = podOfManifest(manifest) as Pod
  if (manifest.kind === 'Pod') return pod
  return { ...podType, ...pod, metadata: { ...pod.metadata, generateName: `${manifest.metadata?.name ?? ''}-` } }
}

/** The way back from a created pod to its template. */
function templateOf(manifest: GoldenManifest, pod: Pod): Pod {
  if (manifest.kind === 'Pod') return pod
  return { ...without(pod, Object.keys(podType)), metadata: without(pod.metadata ?? {}, ['generateName']) } as Pod
}

function without(object: object, fields: readonly string[]): object {
  return Object.fromEntries(Object.entries(object).filter(([field]) => !fields.includes(field)))
}

function applyPatch(pod: Pod, patch: string | undefined): Pod {
  if (patch === undefined) return pod
  const operations = JSON.parse(Buffer.from(patch, 'base64').toString()) as Operation[]
  return jsonPatch.applyPatch(structuredClone(pod), operations, true).newDocument
}

export interface CommandLineAnswer extends FrontEndAnswer {
  readonly exitCode: number
  /** The manifest as it is printed. */
  readonly text: string
}

/**
 * Runs `model-injector inject` on the case's own files. In this process, since a new one for each would take a minute; it
 * prints as it always does, so it must not run while a test does.
 */
export async function askCommandLine(golden: GoldenCase): Promise<CommandLineAnswer> {
  const config = configFile(golden)
  const { stdout, stderr, exitCode } = await capture(async () => {
    await (await buildProgram('inject')).parseAsync(
      ['inject', '-f', inputFile(golden), ...(config === undefined ? [] : ['--config', config])],
      { from: 'user' },
    )
  })
  return {
    ...readReport(stderr, golden.manifest),
    manifest: stdout === '' ? undefined : parseYAML(stdout),
    exitCode,
    text: stdout,
  }
}

export function inputText(golden: GoldenCase): string {
  return readFileSync(inputFile(golden), 'utf8')
}

/** `pod/x denied (namespace n):` and a line for every diagnostic with its place in the file, or `pod/x skipped: why`, or `pod/x injected: what (why)`; then warnings with their places. */
function readReport(
  report: string,
  { kind, metadata }: GoldenManifest,
): Pick<FrontEndAnswer, 'outcome' | 'words' | 'warnings'> {
  const title = `${kind.toLowerCase()}/${metadata?.name ?? '(no name)'} `
  const lines = report.split('\n')
  const [verdict = '', ...others] = lines
    .filter((line) => line.startsWith(title))
    .map((line) => line.slice(title.length))
  const [outcome = '', text = ''] = verdict.replace(/^denied \(namespace \S+\)/, 'denied').split(/:\s*(.*)/)
  const words =
    {
      denied: () =>
        lines.filter((line) => line.startsWith('  ')).map((line) => line.replace(/^ {2}(?:\S+:\d+:\d+: )?/, '')),
      injected: () => [/ at \S+ \((.*)\)$/.exec(text)?.[1] ?? injectReasons.Injected],
    }[outcome] ?? (() => [text])
  // Only the command line can see annotations outside the pod template.
  const warnings = others
    .map((line) => line.replace(/^warning: \S+:\d+:\d+: /, ''))
    .filter((line) => !line.includes('where nothing reads'))
  return { outcome, words: words(), warnings }
}

async function capture(run: () => Promise<void>): Promise<{ stdout: string; stderr: string; exitCode: number }> {
  const written = { stdout: '', stderr: '' }
  const { exitCode } = process
  const streams = ['stdout', 'stderr'] as const
  const originals = streams.map((name) => process[name].write.bind(process[name]))
  for (const name of streams) {
    process[name].write = (chunk: string | Uint8Array) => {
      written[name] += String(chunk)
      return true
    }
  }
  try {
    await run()
    return { ...written, exitCode: Number(process.exitCode ?? 0) }
  } finally {
    streams.forEach((name, i) => {
      process[name].write = originals[i]!
    })
    process.exitCode = exitCode
  }
}

/** `model-injector uninject`: removes injected parts from manifests. */
import { Command } from 'commander'
import { skipReasonOf } from '../request/skip-reason.ts'
import { diff } from '../inject/patch.ts'
import { annotationsOf, initContainersOf, volumesOf, type Pod } from '../pod/pod.ts'
import { readPod } from '../pod/read-pod.ts'
import { annotatedPod } from '../inject/annotated-pod.ts'
import { uninject } from '../inject/ownership/uninject.ts'
import { cannotBeChanged, denied, notAWorkload, skipped } from './judge.ts'
import { withFlags } from './flags.ts'
import { manifestFlags, manifestProblems, transformFiles } from './manifest-command.ts'
import type { FoundPod } from './manifests/pods.ts'
import type { ObjectVerdict } from './manifests/transform.ts'
import { printable } from '../values/print/printable.ts'

const help = `
The annotations that request a model stay, so that the webhook still injects it. Objects without injected parts come out
byte for byte.

Examples:
  model-injector uninject -f deployment.yaml
  kubectl get deployment my-app -o yaml | model-injector uninject -f - --diff`

const nothingOfOurs = 'the pod has no parts that model-injector added'

export function uninjectCommand(): Command {
  const command = new Command('uninject').addHelpText('after', help)
  const table = { flags: manifestFlags, required: ['filename'], problems: manifestProblems } as const
  return withFlags(command, table, (options) =>
    transformFiles(options, (config) => ({
      settings: config,
      withoutPods: skipped(notAWorkload),
      judge: (found) => judge(found, config.annotationPrefix),
    })),
  )
}

function judge(found: FoundPod, prefix: string): ObjectVerdict {
  // A value that is not known yet is none of what is taken out.
  if (found.unknown !== undefined && found.isPending !== true) return denied([found.unknown], found)
  const template = found.pod
  const read = readPod(template)
  if (!read.ok) {
    return skipReasonOf(template, prefix) !== undefined
      ? skipped(nothingOfOurs)
      : denied(read.diagnostics, found, [], read.omitted)
  }
  const clean = uninject(annotatedPod(read.pod, prefix))
  const patch = diff(read.pod, clean)
  if (patch.length === 0) return skipped(nothingOfOurs)
  if (found.path === undefined) return denied([cannotBeChanged(found)], found)
  return { verdict: 'uninjected', patch, lines: [`uninjected: took out ${describe(read.pod, clean)}`], warnings: [] }
}

/** Lists the removed parts by their names in the manifest. */
function describe(before: Pod, after: Pod): string {
  const removed = [
    ...missing('init container', namesOf(initContainersOf(before)), namesOf(initContainersOf(after))),
    ...missing('volume', namesOf(volumesOf(before)), namesOf(volumesOf(after))),
    ...missing('annotation', Object.keys(annotationsOf(before)), Object.keys(annotationsOf(after))),
    ...missing('label', Object.keys(before.metadata?.labels ?? {}), Object.keys(after.metadata?.labels ?? {})),
    ...describeContainers(before, after),
  ]
  return `${removed.join('; ')}${describeRestored(before, after)}`
}

function missing(what: string, before: readonly string[], after: readonly string[]): string[] {
  const names = before.filter((name) => !after.includes(name))
  return names.length === 0 ? [] : [`${what}${names.length === 1 ? '' : 's'} ${names.map(printable).join(', ')}`]
}

function namesOf(items: readonly { readonly name: string }[]): string[] {
  return items.map(({ name }) => name)
}

function describeContainers(before: Pod, after: Pod): string[] {
  const kept = [...initContainersOf(after), ...after.spec.containers]
  const changed = [...initContainersOf(before), ...before.spec.containers].filter((container) =>
    kept.some((other) => other.name === container.name && diff(podOf(container), podOf(other)).length > 0),
  )
  return changed.length === 0 ? [] : [`mounts and variables of ${namesOf(changed).map(printable).join(', ')}`]
}

function podOf(container: Pod['spec']['containers'][number]): Pod {
  return { spec: { containers: [container] } }
}

function describeRestored(before: Pod, after: Pod): string {
  if (before.spec.serviceAccountName === after.spec.serviceAccountName) return ''
  return after.spec.serviceAccountName === undefined
    ? '; service account'
    : `; put back service account ${printable(after.spec.serviceAccountName)}`
}

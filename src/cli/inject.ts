/** `model-injector inject`: injects into manifests as the webhook does into pods, by the same core. */
import { Command } from 'commander'
import { type Pod, initContainersOf } from '../pod/pod.ts'
import type { Config } from '../config/config.ts'
import { placeholderImage } from '../config/loader-image.ts'
import { parseText } from '../flags/flags.ts'
import { inject, type Injected } from '../inject/inject.ts'
import { readStatus } from '../inject/read-status.ts'
import { injectReasons, skipReasons } from '../reasons.ts'
import {
  cannotBeChanged,
  denied,
  describeWarning,
  misplacedAnnotations,
  notAWorkload,
  skipped,
  unjudged,
} from './judge.ts'
import { withFlags } from './flags.ts'
import { manifestFlags, manifestProblems, transformFiles } from './manifest-command.ts'
import type { FoundPod } from './manifests/pods.ts'
import type { Judge, ObjectVerdict } from './manifests/transform.ts'
import { imageFlag } from './read-config.ts'
import { printable } from '../values/print/printable.ts'

const help = `
The result goes to stdout, the report to stderr. Unchanged objects come out byte for byte; denied objects are left out,
and the exit code is 1.

Examples:
  model-injector inject -f deployment.yaml
  model-injector inject -f deployment.yaml --diff
  model-injector inject -f manifests/ -f extra.yaml --config config.yaml -n apps | kubectl apply -f -
  model-injector inject -f deployment.yaml --image registry.example.com/model-injector@sha256:DIGEST | kubectl apply -f -
  kustomize build . | model-injector inject -f - -o json
  kubectl get deployment my-app -o yaml | model-injector inject -f - -o patch`

const flags = {
  ...manifestFlags,
  namespace: {
    term: '-n, --namespace <name>',
    description: 'namespace of objects that name none',
    parse: parseText,
    default: 'default',
  },
  image: imageFlag,
} as const

export function injectCommand(): Command {
  const command = new Command('inject').addHelpText('after', help)
  return withFlags(command, { flags, required: ['filename'], problems: manifestProblems }, (options) =>
    transformFiles(options, (config) => makeJudge(config, options.namespace)),
  )
}

function makeJudge(config: Config, namespace: string): Judge {
  return {
    settings: config,
    withoutPods: skipped(notAWorkload),
    judge: (found, pods) => {
      const misplaced = found === pods[0] ? misplacedAnnotations(found.of, pods, config.annotationPrefix) : []
      return judge(found, misplaced, { namespace: found.of.namespace ?? namespace, config })
    },
  }
}

function judge(
  found: FoundPod,
  misplaced: readonly string[],
  { namespace, config }: { namespace: string; config: Config },
): ObjectVerdict {
  if (found.unknown !== undefined) return unjudged(found, found.unknown)
  const outcome = inject(found.pod, namespace, config)
  const warnings = [...outcome.warnings.map((warning) => describeWarning(found, warning)), ...misplaced]
  switch (outcome.outcome) {
    case 'skipped':
      return skipped(skipReasons[outcome.reason], warnings)
    case 'denied':
      return denied(outcome.diagnostics, found, warnings, outcome.omitted)
    case 'injected':
      if (found.path === undefined) return denied([cannotBeChanged(found)], found, warnings)
      return {
        verdict: 'injected',
        patch: outcome.patch,
        lines: [describe(outcome, config.annotationPrefix)],
        warnings,
        notes: imageNotes(outcome.pod),
      }
  }
}

/** Such pods would never start, wherever the result is applied. */
function imageNotes(pod: Pod): readonly string[] {
  return initContainersOf(pod).some(({ image }) => image === placeholderImage)
    ? [
        `warning: the loaders run ${placeholderImage}, which no registry has: give --image IMAGE, or a --config that sets defaults.image`,
      ]
    : []
}

/** `injected: model <- s3://bucket/model/ at /models/model` */
function describe({ pod, models, reason }: Injected, prefix: string): string {
  const paths = new Map(readStatus(pod, prefix)?.models.map(({ name, mountPath }) => [name, mountPath]))
  const loaded = models
    .map(({ name, source }) => `${name} <- ${printable(source)} at ${paths.get(name) ?? '?'}`)
    .join(', ')
  return reason === 'Injected' ? `injected: ${loaded}` : `injected: ${loaded} (${injectReasons[reason]})`
}

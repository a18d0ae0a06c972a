/** `model-injector check --pre`: checks a cluster before the chart is installed. */
import type { Command } from 'commander'
import type { CheckReport } from '../../check/check-cluster.ts'
import { checkBefore } from '../../check/pre/check-pre.ts'
import type { CheckedDelivery } from '../../deliveries/companions.ts'
import { parseSwitch, problemIf } from '../../flags/flags.ts'
import { parseLabelName } from '../../values/names.ts'
import { useCluster, type ClusterOptions } from '../cluster-options.ts'
import { addFlags, fail } from '../flags.ts'
import { pointCommands } from './point-commands.ts'

const flags = {
  pre: { term: '--pre', description: 'check a cluster before the chart is installed', parse: parseSwitch },
  release: {
    term: '--release <name>',
    description: 'with --pre: name of the release of Helm (default: model-injector)',
    parse: parseLabelName,
  },
  withoutCertManager: {
    term: '--without-cert-manager',
    description: 'with --pre: the certificate of the webhook comes from elsewhere',
    parse: parseSwitch,
  },
} as const

interface PreFlags {
  readonly pre?: boolean
  readonly release?: string
  readonly withoutCertManager?: boolean
}

export function addPreOptions(command: Command): Command {
  return addFlags(command, flags)
}

export function isBefore(command: Command): boolean {
  return command.opts<PreFlags>().pre === true
}

/** Problems of flags that belong to --pre, without it. */
export function strayPreOptions(command: Command): readonly string[] {
  const { release, withoutCertManager } = command.opts<PreFlags>()
  return [
    ...problemIf(release !== undefined, `${flags.release.term} belongs to --pre`),
    ...problemIf(withoutCertManager === true, `${flags.withoutCertManager.term} belongs to --pre`),
  ]
}

const byDefault = 'model-injector'

/** Reports all option problems at once, before any request to the cluster. */
export async function checkBeforeInstall(
  delivery: CheckedDelivery | undefined,
  command: Command,
  otherProblems: readonly string[],
): Promise<CheckReport> {
  const options = command.opts<PreFlags & ClusterOptions & { namespace?: string; serverUrl?: string }>()
  const { release = byDefault, namespace = byDefault } = options
  const wrong = (name: string): boolean => !parseLabelName(name).ok
  const all = [
    ...problemIf(wrong(release), `${flags.release.term} ${JSON.stringify(release)} is not the name of a release`),
    ...problemIf(wrong(namespace), `the namespace ${JSON.stringify(namespace)} is not the name of one`),
    ...problemIf(options.serverUrl !== undefined, '--server-url is about the webhook, which --pre does not look at'),
    ...otherProblems,
  ]
  if (all.length > 0) fail(all, command)
  const withCertManager = options.withoutCertManager !== true
  const report = await useCluster(options, (cluster) =>
    checkBefore(cluster, { release, namespace, withCertManager, delivery }),
  )
  return pointCommands(report, options)
}

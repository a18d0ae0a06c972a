/** `model-injector publish prune`: the command of the CronJob that removes old versions from a shared volume. */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { AppError } from '../../errors.ts'
import { parseSwitch, parseText, type Values } from '../../flags/flags.ts'
import { LoaderFailure } from '../../loader/exit-codes.ts'
import { parseAgeSeconds } from '../../values/duration.ts'
import type { PruneDecision } from '../../publish/prune/decide.ts'
import { prune, type PruneDependencies, type PruneRequest } from '../../publish/prune/prune.ts'
import type { ClaimRef } from '../../publish/prune/uses.ts'
import { parseObjectName } from '../../values/names.ts'
import { parsed, unreadable, type Parsed } from '../../values/parsed.ts'
import { clusterFlags, useCluster, type ClusterOptions } from '../cluster-options.ts'
import { withFlags } from '../flags.ts'
import { printTable } from '../table.ts'
import { terminalWidth } from '../terminal.ts'
import { dryRunFlag, outputFlag, runWork } from './run.ts'

const ages = '30d, 12h, 1d12h'

const flags = {
  ...clusterFlags,
  volume: { term: '--volume <dir>', description: 'mount path of the volume', parse: parseText },
  claim: {
    term: '--claim <namespace/name>',
    description: 'the claim of the volume',
    accepted: 'NAMESPACE/NAME',
    parse: parseClaim,
  },
  olderThan: {
    term: '--older-than <age>',
    description: 'how long a version has to be out of use',
    accepted: ages,
    parse: parseAgeSeconds,
  },
  grace: {
    term: '--grace <age>',
    description: 'how long it stays in the trash',
    accepted: ages,
    parse: parseAgeSeconds,
    default: '1d',
  },
  hotSwap: {
    term: '--hot-swap',
    description: 'pods that mount the whole volume read it by way of current only (else they protect every version)',
    parse: parseSwitch,
  },
  dryRun: dryRunFlag,
  output: outputFlag,
} as const

const required = ['volume', 'claim', 'olderThan'] as const

type PruneOptions = Values<typeof flags, (typeof required)[number]>

const help = `
What stays: the version that current leads to, newer ones, those that a pod mounts, those of others, and all that were in use
within --older-than. The rest goes into .trash, and is removed by a run after --grace; a version in the trash that a pod mounts
comes back. If pods or claims of the whole cluster cannot be listed, nothing is touched.

Examples:
  model-injector publish prune --volume /models-volume --claim model-store/llama --older-than 30d
  model-injector publish prune --volume /models-volume --claim model-store/llama --older-than 30d --dry-run`

export function pruneCommand(): Command {
  const command = new Command('prune')
    .description('take versions off a shared volume that no pod has used for long')
    .addHelpText('after', help)
  return withFlags(command, { flags, required }, run)
}

function parseClaim(text: string): Parsed<ClaimRef> {
  const [namespace = '', name = '', ...rest] = text.split('/')
  return rest.length === 0 && [namespace, name].every((part) => parseObjectName(part).ok)
    ? parsed({ namespace, name })
    : unreadable('is no claim of a namespace')
}

async function run(options: PruneOptions): Promise<void> {
  const { claim, dryRun = false, hotSwap = false } = options
  const request = {
    root: resolve(options.volume),
    claim,
    olderThanSeconds: options.olderThan,
    graceSeconds: options.grace,
    hotSwap,
    dryRun,
  }
  await runWork(options, async (context) => {
    const verdicts = await pruneWith(options, request, context)
    process.stdout.write(options.output === 'json' ? printJSON(verdicts, dryRun) : printText(verdicts, dryRun))
    return 0
  })
}

async function pruneWith(
  options: ClusterOptions,
  request: PruneRequest,
  context: Pick<PruneDependencies, 'report' | 'signal' | 'giveUp'>,
): Promise<readonly PruneDecision[]> {
  try {
    return await useCluster(options, (cluster) => prune(request, { ...context, cluster, ownPod: ownPod() }))
  } catch (error) {
    // The kubeconfig or its context does not lead to a cluster.
    throw error instanceof AppError
      ? new LoaderFailure('CannotList', error.message, { cause: error, remedy: 'check --kubeconfig and --context' })
      : error
  }
}

/** The name of a pod is that of its host. */
function ownPod(): string | undefined {
  return process.env.KUBERNETES_SERVICE_HOST === undefined ? undefined : hostname()
}

const words: Readonly<Record<PruneDecision['action'], readonly [done: string, would: string]>> = {
  keep: ['kept', 'kept'],
  trash: ['moved to the trash', 'would move to the trash'],
  restore: ['restored', 'would be restored'],
  'keep-in-trash': ['in the trash', 'in the trash'],
  remove: ['removed', 'would be removed'],
}

function printText(verdicts: readonly PruneDecision[], dryRun: boolean): string {
  if (verdicts.length === 0) return 'the volume has no versions\n'
  const rows = verdicts.map(({ version, action, why }) => [version, words[action][dryRun ? 1 : 0], why])
  return printTable(['VERSION', 'ACTION', 'REASON'], rows, terminalWidth())
}

function printJSON(verdicts: readonly PruneDecision[], dryRun: boolean): string {
  return `${JSON.stringify({ dryRun, versions: verdicts.map(({ version, action, why }) => ({ version, action, why })) }, null, 2)}\n`
}

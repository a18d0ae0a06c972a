/** `model-injector publish`: the command of the Job and the CronJob of a shared volume. */
import { resolve } from 'node:path'
import { Command } from 'commander'
import { oneOf, parseSwitch, parseText, problemIf, type Values } from '../flags/flags.ts'
import { exits, LoaderFailure } from '../loader/exit-codes.ts'
import type { Report } from '../loader/report.ts'
import { credentialsChoices } from '../publish/access.ts'
import { orders } from '../publish/decide-current.ts'
import type { Tag } from '../publish/published-versions.ts'
import { publish, type PublishResult } from '../publish/publish.ts'
import { parseVersionName, versionForms } from '../publish/version-name.ts'
import { addressings, endpointForms, parseEndpoint, parseRegion } from '../values/s3/endpoint.ts'
import { parsed, unreadable, type Parsed } from '../values/parsed.ts'
import { parseSource, type S3Source } from '../values/source.ts'
import { virtualHostProblem } from '../values/s3/virtual-host.ts'
import { refuseWords, withFlags } from './flags.ts'
import { ignoreHome } from './load.ts'
import { pruneCommand } from './publish/prune.ts'
import { dryRunFlag, end, outputFlag, runWork } from './publish/run.ts'

const flags = {
  source: {
    term: '--source <uri>',
    description: 's3://bucket/prefix/, below which each directory is a version',
    accepted: 's3://bucket/prefix/',
    parse: parsePrefix,
  },
  volume: { term: '--volume <dir>', description: 'mount path of the volume', parse: parseText },
  requiredTag: {
    term: '--required-tag <key=value>',
    description: 'object tag without which a manifest publishes nothing',
    accepted: 'KEY=VALUE',
    parse: parseTag,
  },
  current: {
    term: '--current <version>',
    description: 'lead current there, and leave it there; newest: follow the newest again',
    accepted: `newest, or ${versionForms}`,
    parse: parseCurrent,
  },
  newestBy: {
    term: '--newest-by <order>',
    description: "what makes a version the newest: its name, or its manifest's time in S3",
    ...oneOf(orders),
    default: 'version',
  },
  region: {
    term: '--region <region>',
    description: "the bucket's region (default: AWS_REGION)",
    accepted: 'a region as eu-west-1',
    parse: parseRegion,
  },
  endpoint: {
    term: '--endpoint <url>',
    description: 'an S3-compatible server',
    accepted: endpointForms,
    parse: parseEndpoint,
  },
  addressing: {
    term: '--addressing <place>',
    description:
      'place of the bucket in requests: in the path, or in the host name (default: path at an endpoint, else host)',
    ...oneOf(addressings),
  },
  requesterPays: {
    term: '--requester-pays',
    description: 'the account of the credentials pays for reading the bucket',
    parse: parseSwitch,
  },
  credentials: {
    term: '--credentials <how>',
    description: 'how it proves who it is; keys are those of the environment',
    ...oneOf(credentialsChoices),
    default: 'auto',
  },
  dryRun: { ...dryRunFlag, description: 'only say what would be published, and where current would lead' },
  output: outputFlag,
} as const

type PublishOptions = Values<typeof flags, 'source' | 'volume'>

const help = `
Each directory below the source is a version. It is published once it has a manifest.sha256 (sha256sum of all its other files), and
the tag if one is required: the loader stages it on the volume and verifies every file, then it appears as versions/VERSION at once, and
the link current moves to the newest. Nothing on the volume is ever changed or removed, whatever the bucket lists.

Exit codes: those of the loader; docs/publish.md says what each means here.

Examples:
  model-injector publish --source s3://my-ml-bucket/llama/ --volume /models-volume
  model-injector publish --source s3://my-ml-bucket/llama/ --volume /models-volume --required-tag status=published
  model-injector publish --source s3://my-ml-bucket/llama/ --volume /models-volume --current 1.2.2   # roll back, and stay there
  model-injector publish --source s3://my-ml-bucket/llama/ --volume /models-volume --current newest  # follow the newest again`

export function publishCommand(): Command {
  const versions = versionsCommand()
  const publish = new Command('publish')
    .usage('--source URI --volume DIR [options] | prune [options]')
    .showHelpAfterError('(--help shows the options and examples)')
    .exitOverride()
    .addHelpText('after', () => `\n${versions.helpInformation()}${help}`)
  // The options are on a command of their own: on this one commander would also accept them after `prune`. A misspelt `prune`
  // arrives there as an argument.
  publish.addCommand(versions.copyInheritedSettings(publish).allowExcessArguments(), { isDefault: true })
  return publish.addCommand(pruneCommand().copyInheritedSettings(publish))
}

function versionsCommand(): Command {
  const versions = new Command('versions').description(
    'publish the versions that are not on the volume yet (the default: publish alone is the same)',
  )
  versions.hook('preAction', () => {
    refuseWords(versions, 'versions are published of --source')
  })
  return withFlags(versions, { flags, required: ['source', 'volume'], problems: problemsOf }, run)
}

/** As the annotations of the same names are refused. */
function problemsOf({
  source,
  endpoint,
  addressing,
  requesterPays,
  credentials,
}: Partial<PublishOptions>): readonly string[] {
  const problem =
    addressing === 'virtual' && source !== undefined ? virtualHostProblem(source.bucket, endpoint) : undefined
  return [
    ...(problem === undefined ? [] : [`--addressing virtual ${problem}; set it to path`]),
    ...problemIf(
      requesterPays === true && credentials === 'anonymous',
      '--requester-pays needs credentials, whose account pays: choose other --credentials than anonymous',
    ),
  ]
}

function parsePrefix(text: string): Parsed<S3Source> {
  const source = parseSource(text)
  if (!source.ok) return source
  const { value } = source
  if (value.scheme !== 's3') return unreadable('is not an s3:// source')
  if (value.key === '') return unreadable('names a whole bucket; name the prefix that has the versions')
  return value.extent === 'prefix' ? parsed(value) : unreadable('names one object; a prefix ends in a slash')
}

function parseTag(text: string): Parsed<Tag> {
  const [key = '', ...rest] = text.split('=')
  return key === '' || rest.length === 0 ? unreadable('has no key and value') : parsed({ key, value: rest.join('=') })
}

function parseCurrent(text: string): Parsed<string> {
  return text === 'newest' ? parsed(text) : parseVersionName(text)
}

async function run(options: PublishOptions): Promise<void> {
  const { source, volume, requiredTag, current, newestBy, dryRun = false } = options
  const { region, endpoint, addressing, requesterPays = false, credentials } = options
  const request = {
    source,
    root: resolve(volume),
    requiredTag,
    current,
    order: newestBy,
    dryRun,
    access: { region, endpoint, addressing, requesterPays, credentials },
  }
  ignoreHome(process.env)
  await runWork(options, async (context) => {
    const result = await publish(request, { ...context, env: process.env })
    if (options.output === 'json') process.stdout.write(printJSON(result, dryRun))
    else for (const line of describe(result, dryRun)) context.report.info(line)
    return finish(result, context.report)
  })
}

/** The other versions are published even so; the exit code is that of the newest version that failed. */
function finish({ failed: [first, ...rest] }: PublishResult, report: Report): number {
  if (first === undefined) return 0
  const { exit, message, remedy } = first.failure
  const more =
    rest.length === 0
      ? ''
      : ` (and ${rest.length} more: ${rest
          .slice(0, 5)
          .map(({ version }) => version)
          .join(', ')})`
  return end(new LoaderFailure(exit, `${first.version} is not published: ${message}${more}`, { remedy }), report)
}

function describe({ published, present, failed, current }: PublishResult, dryRun: boolean): readonly string[] {
  const would = dryRun ? 'would be ' : ''
  const counts = [
    `${published.length} ${would}published${published.length === 0 ? '' : ` (${published.join(', ')})`}`,
    `${present.length} there already`,
    ...(failed.length === 0 ? [] : [`${failed.length} left out`]),
  ]
  return [counts.join(', '), describeCurrent(current, dryRun), ...(current.why === undefined ? [] : [current.why])]
}

function describeCurrent({ version, from, moved }: PublishResult['current'], dryRun: boolean): string {
  if (version === undefined) return 'current leads nowhere yet'
  if (!moved) return `current leads to ${version}, as before`
  return `current ${dryRun ? 'would lead' : 'leads'} to ${version}${from === undefined ? '' : `, not to ${from} any more`}`
}

function printJSON({ published, present, failed, current }: PublishResult, dryRun: boolean): string {
  const reasons = failed.map(({ version, failure: { exit, message, remedy } }) => ({
    version,
    exit: exits[exit].code,
    message,
    remedy,
  }))
  return `${JSON.stringify({ dryRun, published, present, failed: reasons, current }, null, 2)}\n`
}

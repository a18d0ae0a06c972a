/** Writes a rendering: Kubernetes objects to stdout for `kubectl apply -f -`, the rest where options say. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getSystemErrorMessage } from 'node:util'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { AppError } from '../../errors.ts'
import { outputFiles, printCommands, printTemplate } from '../../render/output.ts'
import { printTreeAsYAML } from '../../render/print.ts'
import type { Rendering } from '../../render/rendering.ts'
import { writeReport } from '../terminal.ts'

interface OutputOptions {
  readonly kubernetes?: true
  readonly cloudformation?: true | string
  readonly commands?: true
  readonly outputDir?: string
}

export function addOutputOptions(command: Command): Command {
  const kinds = ['kubernetes', 'cloudformation', 'commands', 'outputDir']
  const option = (term: string, description: string, name: string): Option =>
    new Option(term, description).conflicts(kinds.filter((kind) => kind !== name))
  return command
    .addOption(
      option(
        '--kubernetes',
        'print the Kubernetes objects, for kubectl apply -f - (default where there are any)',
        'kubernetes',
      ),
    )
    .addOption(
      option(
        '--cloudformation [stack]',
        'print a CloudFormation template; by its name where there are several',
        'cloudformation',
      ),
    )
    .addOption(option('--commands', 'print a shell script for what the aws command line or a build does', 'commands'))
    .addOption(
      option('-o, --output-dir <directory>', 'write everything into files of a directory', 'outputDir').argParser(
        parseDirectory,
      ),
    )
}

function parseDirectory(text: string): string {
  if (text === '') throw new InvalidArgumentError('It is empty.')
  return text
}

/** Lists on stderr the parts that were not printed, and the steps left to do. */
export async function writeRendering(rendering: Rendering, command: Command): Promise<void> {
  const options = command.opts<OutputOptions>()
  if (options.outputDir !== undefined) await writeFiles(rendering, options.outputDir)
  else process.stdout.write(textOf(rendering, options, command))
  writeReport(report(rendering, options))
}

function textOf(rendering: Rendering, options: OutputOptions, command: Command): string {
  const { kubernetes, commands } = rendering
  if (options.cloudformation !== undefined) {
    return printTemplate(chooseStack(rendering, options.cloudformation, command))
  }
  if (options.commands === true) {
    return commands.length === 0 ? none('commands', command) : printCommands(rendering, 'inline')
  }
  if (options.kubernetes === true && kubernetes.length === 0) return none('Kubernetes objects', command)
  if (kubernetes.length > 0) return printTreeAsYAML(kubernetes)
  return commands.length === 0 ? '' : printCommands(rendering, 'inline')
}

function chooseStack({ stacks }: Rendering, requested: true | string, command: Command): Rendering['stacks'][number] {
  const found =
    requested === true ? (stacks.length === 1 ? stacks[0] : undefined) : stacks.find(({ name }) => name === requested)
  if (found !== undefined) return found
  if (stacks.length === 0) return none('CloudFormation template', command)
  return command.error(
    `error: --cloudformation needs the name of one of the templates: ${stacks.map(({ name }) => name).join(', ')}`,
  )
}

function none(what: string, command: Command): never {
  return command.error(`error: this rendering has no ${what}`)
}

async function writeFiles(rendering: Rendering, directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true })
    for (const { name, text, executable } of outputFiles(rendering)) {
      await writeFile(join(directory, name), text, { mode: executable === true ? 0o755 : 0o644 })
      process.stdout.write(`${join(directory, name)}\n`)
    }
  } catch (cause) {
    const { errno, message } = cause as NodeJS.ErrnoException
    throw new AppError(
      'OutputUnwritable',
      `${directory}: ${errno === undefined ? message : getSystemErrorMessage(errno)}`,
      { cause },
    )
  }
}

function report(rendering: Rendering, options: OutputOptions): string {
  const lines = options.outputDir === undefined ? [...rendering.notes, ...leftOut(rendering, options)] : rendering.notes
  return lines.map((line) => `${line}\n`).join('')
}

function leftOut({ kubernetes, stacks, commands }: Rendering, options: OutputOptions): string[] {
  const printsKubernetes =
    options.cloudformation === undefined && options.commands === undefined && kubernetes.length > 0
  const printsCommands = options.commands === true || (options.cloudformation === undefined && kubernetes.length === 0)
  const rest = [
    kubernetes.length === 0 || printsKubernetes ? [] : '--kubernetes',
    stacks
      .filter(
        ({ name }) =>
          options.cloudformation === undefined || (options.cloudformation !== true && options.cloudformation !== name),
      )
      .map(({ name }) => (stacks.length === 1 ? '--cloudformation' : `--cloudformation ${name}`)),
    commands.length === 0 || printsCommands ? [] : '--commands',
  ].flat()
  return rest.length === 0 ? [] : [`not printed: ${rest.join(', ')}; -o DIRECTORY writes everything`]
}

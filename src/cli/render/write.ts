/** Writes a rendering: Kubernetes objects to stdout for `kubectl apply -f -`, the rest where options say. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getSystemErrorMessage } from 'node:util'
import type { Command } from 'commander'
import { AppError } from '../../errors.ts'
import { parseSwitch, parseText, problemsOfBoth, type Values } from '../../flags/flags.ts'
import { outputFiles, printCommands, printTemplate } from '../../render/output.ts'
import { printTreeAsYAML } from '../../render/print.ts'
import type { Rendering } from '../../render/rendering.ts'
import { parsed, type Parsed } from '../../values/parsed.ts'
import { writeReport } from '../terminal.ts'

export const outputFlags = {
  kubernetes: {
    term: '--kubernetes',
    description: 'print the Kubernetes objects, for kubectl apply -f - (default where there are any)',
    parse: parseSwitch,
  },
  cloudformation: {
    term: '--cloudformation [stack]',
    description: 'print a CloudFormation template; by its name where there are several',
    parse: parseStack,
  },
  commands: {
    term: '--commands',
    description: 'print a shell script for what the aws command line or a build does',
    parse: parseSwitch,
  },
  outputDir: {
    term: '-o, --output-dir <directory>',
    description: 'write everything into files of a directory',
    parse: parseText,
  },
} as const

export type OutputValues = Values<typeof outputFlags, never>

/** Each of them says where all of the output goes. */
export function outputProblems(values: Partial<OutputValues>): readonly string[] {
  const names = Object.keys(outputFlags) as (keyof typeof outputFlags)[]
  return problemsOfBoth(Object.fromEntries(names.map((name) => [outputFlags[name].term, values[name] !== undefined])))
}

/** A flag without its value is `true` for the parser of the command line; no template has this name. */
function parseStack(text: string): Parsed<true | string> {
  return text === 'true' ? parsed(true) : parseText(text)
}

/** Lists on stderr the parts that were not printed, and the steps left to do. */
export async function writeRendering(rendering: Rendering, options: OutputValues, command: Command): Promise<void> {
  if (options.outputDir !== undefined) await writeFiles(rendering, options.outputDir)
  else process.stdout.write(textOf(rendering, options, command))
  writeReport(report(rendering, options))
}

function textOf(rendering: Rendering, options: OutputValues, command: Command): string {
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

function report(rendering: Rendering, options: OutputValues): string {
  const lines = options.outputDir === undefined ? [...rendering.notes, ...leftOut(rendering, options)] : rendering.notes
  return lines.map((line) => `${line}\n`).join('')
}

function leftOut({ kubernetes, stacks, commands }: Rendering, options: OutputValues): string[] {
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

/** Turns a rendering into files: their names and contents. */
import { printTreeAsYAML, wrapComment } from './print.ts'
import type { Rendering, Stack } from './rendering.ts'
import { explain, type Branch } from './tree.ts'

export interface OutputFile {
  readonly name: string
  readonly text: string
  readonly executable?: true
}

/** All files, for one directory. */
export function outputFiles(rendering: Rendering): OutputFile[] {
  const { kubernetes, stacks, commands, files } = rendering
  return [
    ...(kubernetes.length === 0 ? [] : [{ name: 'kubernetes.yaml', text: printTreeAsYAML(kubernetes) }]),
    ...stacks.map((stack) => ({ name: templateFile(stack), text: printTemplate(stack) })),
    ...(commands.length === 0
      ? []
      : [{ name: 'commands.sh', text: printCommands(rendering, 'files'), executable: true } as const]),
    ...files,
  ]
}

function templateFile({ name }: Stack): string {
  return `cloudformation-${name}.yaml`
}

export function printTemplate(stack: Stack): string {
  const command = `aws cloudformation deploy --region ${stack.region} --stack-name model-${stack.name}`
  return printTreeAsYAML([
    explain(`${command} \\\n  --template-file ${templateFile(stack)}${capabilityOf(stack)}`, templateOf(stack)),
  ])
}

function templateOf({ description, resources, outputs }: Stack): Branch {
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: description,
    Resources: resources,
    ...(outputs === undefined ? {} : { Outputs: outputs }),
  }
}

function capabilityOf({ resources }: Stack): string {
  const text = JSON.stringify(resources)
  if (!text.includes('"AWS::IAM::')) return ''
  return text.includes('"RoleName"') ? ' --capabilities CAPABILITY_NAMED_IAM' : ' --capabilities CAPABILITY_IAM'
}

/** Alone, the script writes the files that the commands read; next to the files it changes to their directory. */
export function printCommands({ commands, files }: Rendering, inputs: 'files' | 'inline'): string {
  const start =
    inputs === 'files'
      ? ['cd "$(dirname "$0")"']
      : ['cd "$(mktemp -d)"', ...files.map(({ name, text }) => hereDocument(name, text))]
  const needsDirectory = files.length > 0
  const parts = [
    ...(needsDirectory ? start : []),
    ...commands.map(({ comment, script }) => `${wrapComment(comment).replace(/^/gm, '#')}\n${script}`),
  ]
  return `#!/bin/sh\nset -eu\n\n${parts.join('\n\n')}\n`
}

function hereDocument(name: string, text: string): string {
  return `cat > '${name}' <<'END'\n${text}END`
}

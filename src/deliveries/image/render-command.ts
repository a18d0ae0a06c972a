/** `model-injector render image` */
import { readFile, readdir, stat } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { getSystemErrorMessage } from 'node:util'
import { AppError } from '../../errors.ts'
import { parseImageTag, parseRepository } from '../../render/parse-aws-names.ts'
import { compressions, fileNameProblem, renderArtifact, type ModelFile } from './render.ts'
import type { Rendering } from '../../render/rendering.ts'
import { quote } from '../../values/print/printable.ts'
import { parsed, parseWord, unreadable, type Parsed } from '../../values/parsed.ts'
import { parseFlags, type RawOptions } from '../../flags/flags.ts'
import type { Config } from '../../config/config.ts'
import type { FlagResult, RenderCommand } from '../companion.ts'

const flags = {
  repository: {
    term: '--repository <name>',
    description: 'repository that the image is pushed to',
    accepted: 'registry/repository',
    parse: parseRepository,
  },
  tag: {
    term: '--tag <name>',
    description: 'its tag, for people; pods name the digest',
    accepted: 'a tag, as 1.2.3',
    parse: parseImageTag,
  },
  directory: {
    term: '--directory <path>',
    description: 'the files of the model',
    accepted: 'a directory',
    parse: parseDirectory,
  },
  files: {
    term: '--files <file>',
    description:
      'list of the files, where the directory is not on this machine: PATH, BYTES PATH or a line of sha256sum',
    accepted: 'a file',
    parse: parseDirectory,
  },
  compression: {
    term: '--compression <how>',
    description: 'compression of the layers',
    accepted: compressions.join(', '),
    parse: parseWord(compressions),
    default: 'uncompressed',
  },
} as const

const required = ['repository', 'tag', 'directory'] as const

const help = `
Examples:
  model-injector render image --repository registry.example.com/llama --tag 1.2.3 --directory ./llama-1.2.3 | sh
  find . -type f -printf '%s %P\\n' > files.txt
  model-injector render image --repository registry.example.com/llama --tag 1.2.3 --directory /data/llama-1.2.3 --files files.txt -o build/`

export const imageRender: RenderCommand = {
  description: 'Dockerfile and commands that build a model as an image, a layer for each shard',
  flags,
  help,
  render: renderFromFlags,
}

async function renderFromFlags(options: RawOptions, { annotationPrefix }: Config): Promise<FlagResult<Rendering>> {
  const { values, problems } = parseFlags(flags, required, options)
  if (problems.length > 0) return { ok: false, problems }
  const { repository, tag, compression, directory } = values
  const files = values.files === undefined ? await listDirectory(directory) : await readList(values.files)
  refuseNames(files, values.files ?? directory)
  const plan = { repository, tag, compression, files, annotationPrefix, directory: resolve(directory) }
  return { ok: true, value: renderArtifact(plan) }
}

async function listDirectory(directory: string): Promise<ModelFile[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => !entry.isDirectory())
    return await Promise.all(
      files.map(async (entry) => {
        const path = join(entry.parentPath, entry.name)
        return { path: relative(directory, path), bytes: (await stat(path)).size }
      }),
    )
  } catch (error) {
    throw unreadableFile(directory, error)
  }
}

async function readList(file: string): Promise<ModelFile[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw unreadableFile(file, error)
  })
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(readLine)
}

function readLine(line: string): ModelFile {
  const { bytes, path = line } = /^(?:[0-9a-f]{64} [ *]|(?<bytes>\d{1,15}) )(?<path>.+)$/.exec(line)?.groups ?? {}
  const below = path.replace(/^\.\//, '')
  return bytes === undefined ? { path: below } : { path: below, bytes: Number(bytes) }
}

function refuseNames(files: readonly ModelFile[], where: string): void {
  const problems = files.flatMap(({ path }) => {
    const problem = fileNameProblem(path)
    return problem === undefined ? [] : [`${where}: ${quote(path)} ${problem}`]
  })
  if (files.length === 0) problems.push(`${where}: holds no file`)
  if (problems.length > 0) throw new AppError('InputUnreadable', problems.join('\n'))
}

function unreadableFile(name: string, cause: unknown): AppError {
  const { errno, message } = cause as NodeJS.ErrnoException
  return new AppError('InputUnreadable', `${name}: ${errno === undefined ? message : getSystemErrorMessage(errno)}`, {
    cause,
  })
}

function parseDirectory(text: string): Parsed<string> {
  return text === '' ? unreadable('is empty') : parsed(text)
}

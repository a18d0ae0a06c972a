/** Completes a command line, in the protocol of cobra, which kubectl speaks with its plugins as well. */

/** A command as far as completion needs it. */
export interface CommandOutline {
  readonly names: readonly string[]
  readonly about: string
  readonly options: readonly OptionOutline[]
  readonly commands: readonly CommandOutline[]
  /** The command that is meant where none is named. */
  readonly byDefault?: string
  /** The words that its first argument may be, with a description. */
  readonly words?: Readonly<Record<string, string>>
}

export interface OptionOutline {
  /** As in `-f` and `--filename`; the long one is the last. */
  readonly names: readonly string[]
  readonly about: string
  /** `perhaps`: only after an equals sign. */
  readonly takes: 'nothing' | 'value' | 'perhaps'
  readonly many: boolean
  readonly words?: readonly string[]
  /** True of a list of words with commas. */
  readonly isList?: boolean
  readonly paths?: 'files' | 'directories'
}

/** Numbers of cobra; a sum of them is the last line of an answer. */
const directives = { files: 0, noSpace: 2, noFiles: 4, directories: 16 } as const

export interface Completion {
  /** Each may have a description after a tab. */
  readonly candidates: readonly string[]
  readonly directive: number
}

export function printCompletion({ candidates, directive }: Completion): string {
  return [...candidates, `:${directive}`].map((line) => `${line}\n`).join('')
}

/** Completes the last of the words; those before it decide what fits. */
export function complete(program: CommandOutline, words: readonly string[]): Completion {
  const word = words.at(-1) ?? ''
  const { command, given, pending, isOperand, operands } = readWords(program, words.slice(0, -1))
  if (pending !== undefined) return completeValue(pending, word)
  if (!isOperand && word.startsWith('-')) return completeOption(optionsOf(command), given, word)
  return completeOperand(command, operands, word)
}

interface ReadLine {
  readonly command: CommandOutline
  readonly given: ReadonlySet<OptionOutline>
  /** The option whose value comes next. */
  readonly pending?: OptionOutline | undefined
  /** True after `--`. */
  readonly isOperand: boolean
  readonly operands: number
}

function readWords(program: CommandOutline, words: readonly string[]): ReadLine {
  const start: ReadLine = { command: program, given: new Set(), isOperand: false, operands: 0 }
  return words.reduce(readWord, start)
}

function readWord(line: ReadLine, word: string): ReadLine {
  if (line.pending !== undefined) return { ...line, pending: undefined }
  if (!line.isOperand && word === '--') return { ...line, isOperand: true }
  if (!line.isOperand && word.startsWith('-') && word !== '-') {
    const { options, pending } = optionsOfWord(line.command, word)
    return { ...line, given: new Set([...line.given, ...options]), pending }
  }
  const next = line.operands === 0 ? line.command.commands.find(({ names }) => names.includes(word)) : undefined
  return next === undefined ? { ...line, operands: line.operands + 1 } : { ...line, command: next }
}

/** Those of the default command are meant, too. */
function optionsOf({ options, commands, byDefault }: CommandOutline): readonly OptionOutline[] {
  const meant = commands.find(({ names }) => byDefault !== undefined && names.includes(byDefault))
  return [...(meant?.options ?? []), ...options].filter(isFirstOfItsName)
}

function isFirstOfItsName({ names }: OptionOutline, index: number, all: readonly OptionOutline[]): boolean {
  return all.findIndex((other) => other.names.at(-1) === names.at(-1)) === index
}

/** The options of `--output=json`, `-ojson` or `-qo`, and the one whose value is the next word. */
function optionsOfWord(
  command: CommandOutline,
  word: string,
): { readonly options: readonly OptionOutline[]; readonly pending?: OptionOutline | undefined } {
  const known = optionsOf(command)
  const named = (name: string): OptionOutline | undefined => known.find(({ names }) => names.includes(name))
  if (word.startsWith('--')) {
    const { name, value } = splitOption(word)
    const option = named(name)
    return {
      options: option === undefined ? [] : [option],
      pending: option?.takes === 'value' && value === undefined ? option : undefined,
    }
  }
  const letters = word
    .slice(1)
    .split('')
    .map((letter) => named(`-${letter}`))
  const taking = letters.findIndex((option) => option?.takes === 'value')
  const options = letters.slice(0, taking < 0 ? letters.length : taking + 1).filter((option) => option !== undefined)
  return { options, pending: taking === letters.length - 1 ? letters[taking] : undefined }
}

function completeOption(
  options: readonly OptionOutline[],
  given: ReadonlySet<OptionOutline>,
  word: string,
): Completion {
  const { name, value } = splitOption(word)
  const named = options.find(({ names }) => names.includes(name))
  if (value !== undefined) return named === undefined ? nothing : completeValue(named, value)
  return {
    candidates: options
      .filter((option) => option.many || !given.has(option))
      .flatMap(({ names, about }) => {
        const name = names.find((short) => short === word) ?? names.at(-1) ?? ''
        return name.startsWith(word) ? [withAbout([name, about])] : []
      }),
    directive: directives.noFiles,
  }
}

/** An answer without the part before the equals sign, as the shells split words there. */
function completeValue({ words, isList, paths }: OptionOutline, value: string): Completion {
  if (words !== undefined) return isList === true ? completeList(words, value) : completeWord(words, value)
  return paths === undefined ? nothing : { candidates: [], directive: directives[paths] }
}

function completeWord(words: readonly string[], start: string): Completion {
  return { candidates: words.filter((word) => word.startsWith(start)), directive: directives.noFiles }
}

/** Another word may follow, so that no space is set. */
function completeList(words: readonly string[], list: string): Completion {
  const before = list.slice(0, list.lastIndexOf(',') + 1)
  const others = words.filter((word) => !before.split(',').includes(word))
  return {
    candidates: others.map((word) => before + word).filter((candidate) => candidate.startsWith(list)),
    directive: directives.noFiles + directives.noSpace,
  }
}

function completeOperand({ commands, words = {} }: CommandOutline, operands: number, start: string): Completion {
  if (operands > 0) return nothing
  const named = commands.map(({ names: [name = ''], about }) => [name, about] as const)
  const fitting = [...named, ...Object.entries(words)].filter(([name]) => name.startsWith(start))
  const isUnfinished = fitting.length > 0 && fitting.every(([name]) => name.endsWith('/'))
  return {
    candidates: fitting.map(withAbout),
    directive: directives.noFiles + (isUnfinished ? directives.noSpace : 0),
  }
}

const nothing: Completion = { candidates: [], directive: directives.noFiles }

/** The rest of a line belongs to its candidate. */
function withAbout([name, about]: readonly [string, string]): string {
  return about === '' ? name : `${name}\t${about.replaceAll('\n', ' ')}`
}

function splitOption(word: string): { readonly name: string; readonly value: string | undefined } {
  const at = word.indexOf('=')
  return at < 0 ? { name: word, value: undefined } : { name: word.slice(0, at), value: word.slice(at + 1) }
}

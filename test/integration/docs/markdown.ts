/** Markdown as the tests of the pages read it: fenced blocks with the comment before them, headings, links, code in the text. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const repositoryRoot = join(import.meta.dirname, '../../..')

export interface Block {
  /** Line of the opening fence, from 1. */
  readonly line: number
  /** The word after the fence, as `yaml`. */
  readonly language: string
  /** The text of the HTML comment on the line before, as `denied: NodeConflict`; undefined without one. */
  readonly marker: string | undefined
  readonly text: string
}

export interface DocsPage {
  /** Relative to the repository. */
  readonly file: string
  readonly text: string
  readonly blocks: readonly Block[]
  /** Everything outside fenced blocks; as many lines as the page has. */
  readonly prose: string
}

/** The README, all pages of docs/, and what they lead to. */
export function readPages(): readonly DocsPage[] {
  const files = [
    'README.md',
    'CHANGELOG.md',
    'deploy/chart/README.md',
    ...globSync('docs/**/*.md', { cwd: repositoryRoot }).sort(),
  ]
  return files.map((file) => parsePage(file, readFileSync(join(repositoryRoot, file), 'utf8')))
}

export function parsePage(file: string, text: string): DocsPage {
  const blocks: Block[] = []
  const lines = text.split('\n')
  const prose: string[] = []
  for (let i = 0; i < lines.length; i++) {
    const [, indent = '', fence, language = ''] = /^( *)(`{3,})(\w*)/.exec(lines[i] ?? '') ?? []
    if (fence === undefined) {
      prose.push(lines[i] ?? '')
      continue
    }
    const length = lines.slice(i + 1).findIndex((line) => line.trim() === fence)
    if (length < 0) throw new Error(`${file}:${i + 1}: the block has no end`)
    const inner = lines.slice(i + 1, i + 1 + length)
    blocks.push({
      line: i + 1,
      language,
      marker: markerOf(lines[i - 1]),
      text: inner.map((line) => line.slice(indent.length)).join('\n') + '\n',
    })
    prose.push(...Array.from({ length: length + 2 }, () => ''))
    i += length + 1
  }
  return { file, text, blocks, prose: prose.join('\n') }
}

function markerOf(line: string | undefined): string | undefined {
  return /^ *<!-- (.+) -->$/.exec(line ?? '')?.[1]
}

export interface Located {
  readonly line: number
  readonly text: string
}

/** The targets of links and images; code is no link. */
export function linksOf({ prose }: DocsPage): readonly Located[] {
  const text = prose.replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, '.'))
  return [...text.matchAll(/\]\(([^()\s]+)\)|^\[[^\]]+\]: (\S+)$|\b(?:href|src)="([^"]+)"/gm)].map(
    ({ index, 1: inline, 2: reference, 3: html }) => ({
      line: lineAt(text, index),
      text: inline ?? reference ?? html ?? '',
    }),
  )
}

/** Code in the running text and in tables. */
export function codeOf({ prose }: DocsPage): readonly Located[] {
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(({ index, 1: text = '' }) => ({ line: lineAt(prose, index), text }))
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

function headingsOf({ prose }: DocsPage): readonly string[] {
  return [...prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => heading)
}

/** The names that GitHub gives to headings: letters, digits, `-` and `_` are kept, blanks become `-`, the second of a name gets `-1`. */
export function anchorsOf(page: DocsPage): ReadonlySet<string> {
  const seen = new Map<string, number>()
  return new Set(
    headingsOf(page).map((heading) => {
      const anchor = heading
        .toLowerCase()
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, '')
        .replaceAll(' ', '-')
      const count = seen.get(anchor) ?? 0
      seen.set(anchor, count + 1)
      return count === 0 ? anchor : `${anchor}-${count}`
    }),
  )
}

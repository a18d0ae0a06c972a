/** The elements of JUnit XML, as text: each can be written once it is known, and is small. */
import { fragment } from 'xmlbuilder2'

export interface TestCase {
  readonly name: string
  readonly classname: string
  readonly file?: string | undefined
  readonly failure?: { readonly type: string; readonly message: string; readonly lines: readonly string[] } | undefined
  /** Why. */
  readonly skipped?: string | undefined
  readonly output?: readonly string[] | undefined
}

type Attributes = Readonly<Record<string, string | number>>

/** Characters that XML cannot hold become question marks. */
const xml = { invalidCharReplacement: '?' } as const

function startTag(name: 'testsuites' | 'testsuite', attributes: Attributes): string {
  return `${fragment(xml).ele(name, attributes).toString().replace(/\/>$/, '>')}\n`
}

/** The beginning of a document, before its suites. */
export function openSuites(attributes: Attributes): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${startTag('testsuites', attributes)}`
}

export const closeSuites = '</testsuites>\n'

/** `cases` are those of printCase. */
export function printSuite(attributes: Attributes, cases: readonly string[]): string {
  return `${startTag('testsuite', attributes)}${cases.join('')}</testsuite>\n`
}

export function printCase({ name, classname, file, failure, skipped, output }: TestCase): string {
  const element = fragment(xml).ele('testcase', { name, classname, ...(file !== undefined && { file }) })
  if (failure !== undefined) {
    const { type, message, lines } = failure
    element.ele('failure', { type, message }).txt(lines.join('\n'))
  }
  if (skipped !== undefined) element.ele('skipped', { message: skipped })
  if (output !== undefined) element.ele('system-out').txt(output.join('\n'))
  return `${element.toString()}\n`
}

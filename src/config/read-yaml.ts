/** Reads files of operators: strict YAML, and as many of its problems as people read. */
import { parseDocument } from 'yaml'

/** Strict: warnings of the library, as for an unknown tag, count as mistakes. */
export function readYaml(text: string): { ok: true; value: unknown } | { ok: false; problems: readonly string[] } {
  try {
    const document = parseDocument(text, { logLevel: 'silent' })
    // The parser is often confused after its first error, so the rest is not repeated.
    const [first] = [...document.errors, ...document.warnings]
    if (first !== undefined) return notReadable(first)
    return { ok: true, value: document.toJS({ maxAliasCount: 100 }) }
  } catch (error) {
    return notReadable(error)
  }
}

function notReadable(error: unknown): { ok: false; problems: readonly string[] } {
  const message = error instanceof Error ? error.message : String(error)
  const isTooDeep = error instanceof RangeError || /call stack|stack overflow/i.test(message)
  return { ok: false, problems: [`not readable as YAML: ${isTooDeep ? 'it is nested too deeply' : message}`] }
}

/** People do not read more. */
const mostProblems = 100

export function firstProblems(problems: readonly string[]): readonly string[] {
  const rest = problems.length - mostProblems
  return rest > 0 ? [...problems.slice(0, mostProblems), `and ${rest} more`] : problems
}

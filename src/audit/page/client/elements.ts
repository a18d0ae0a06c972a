/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Makes elements. Every text is a text node: nothing that a pod says is ever read as markup. */
import { printable } from '../../../values/print/printable.ts'

export type Child = Node | string
type Attributes = Readonly<Record<string, string | boolean | undefined>>

/** An attribute that is false or undefined is left out. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes,
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(attribute, value === true ? '' : value)
  }
  made.append(...children)
  return made
}

/** The element of the page that has this id. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id)
  if (found instanceof kind) return found
  throw new Error(`the page has no ${kind.name} #${id}`)
}

/**
 * Untrusted text. Isolated, so that right-to-left text does not affect its surroundings; characters that hide or reverse
 * text are written out (CWE-451). A line breaks after a slash or before a bracket sooner than inside a word.
 */
export function value(text: string): HTMLElement {
  const [first = '', ...others] = printable(text).split(/(?<=[/,])(?=[^/,])|(?=\[)/)
  return element('bdi', {}, first, ...others.flatMap((part) => [document.createElement('wbr'), part]))
}

const longest = 400

/** Words of others that may be very long: the rest is there when it is asked for. */
export function longValue(text: string): HTMLElement {
  if (text.length <= longest) return value(text)
  const shown = value(abbreviate(text, longest))
  const button = element(
    'button',
    { type: 'button', class: 'quiet' },
    `Show all ${formatCount(text.length)} characters`,
  )
  button.addEventListener('click', () => {
    shown.textContent = printable(text)
    shown.tabIndex = -1
    shown.focus()
    button.remove()
  })
  return element('span', {}, shown, ' ', button)
}

export function abbreviate(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`
}

const counts = new Intl.NumberFormat('en')

export function formatCount(count: number): string {
  return counts.format(count)
}

/** `1 pod`, `2 pods`. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** A moment as people write it; as it is, if it is none. */
export function moment(text: string): HTMLElement {
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) return longValue(text)
  const iso = date.toISOString()
  return element('time', { datetime: iso }, `${iso.slice(0, 10)} ${iso.slice(11, 16)}`)
}

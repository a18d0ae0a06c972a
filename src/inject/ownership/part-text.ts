/** Writes the values of our parts as text: what is compared, digested and shown as evidence. */
import { hash } from 'node:crypto'
import { jsonItem } from '../../values/json.ts'
import type { EnvVar, VolumeMount } from '../../pod/pod.ts'

export function mountText({ name, subPath, subPathExpr, readOnly }: VolumeMount): string {
  return JSON.stringify({
    name,
    ...(subPath && { subPath }),
    ...(typeof subPathExpr === 'string' && subPathExpr !== '' && { subPathExpr }),
    ...(readOnly === true && { readOnly }),
  })
}

export function envText({ value, valueFrom }: EnvVar): string {
  return valueFrom === undefined || valueFrom === null ? (value ?? '') : canonicalJSON(valueFrom)
}

/** A command may be a script, too long to be read as evidence. */
const longestCommand = 1000

export function commandText(words: readonly string[] | null | undefined): string {
  const text = JSON.stringify(words ?? [])
  return text.length <= longestCommand ? text : `sha256:${sha256(text)} (${text.length} characters)`
}

/** Keys sorted; without the expiry of tokens, which webhooks draw. */
export function canonicalJSON(value: unknown): string {
  return JSON.stringify(canonical(value))
}

/** Not a replacer, which takes several times as long. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return jsonItem(value)
  const fields = Object.entries(value).filter(([key]) => key !== 'expirationSeconds')
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, canonical(item)]))
}

function sha256(words: string): string {
  return hash('sha256', words)
}

/** The short form of SHA-256 in which models, annotations and parts of pods are told apart. */
import { hash } from 'node:crypto'

/** 16 hexadecimal digits. In one call, which takes half as long as an object that is fed. */
export function shortHash(text: string): string {
  return hash('sha256', text).slice(0, 16)
}

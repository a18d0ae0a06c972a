/** Parses one or more PEM certificates, with any text between them. */
import { parsed, unreadable, type Parsed } from './parsed.ts'

const block = /-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g
/** Linux limits an environment variable to 128 KiB. */
const longestText = 100_000

/** Reads the blocks without decoding them. */
export function parseCertificates(text: string): Parsed<readonly string[]> {
  if (text.includes('PRIVATE KEY')) return unreadable('holds a private key, which belongs into no configuration')
  if (text.length > longestText) return unreadable(`has more than ${longestText} characters`)
  const blocks = text.match(block) ?? []
  const begun = text.split('-----BEGIN ').length - 1
  return blocks.length > 0 && blocks.length === begun ? parsed(blocks) : unreadable('is not a list of PEM certificates')
}

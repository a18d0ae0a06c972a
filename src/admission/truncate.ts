/** Truncates untrusted text that is stored elsewhere: audit logs and Events outlive the pod. */

const mark = '…'

/** At most `longestBytes` of UTF-8, without split characters or control characters; truncated text ends in a mark. */
export function truncateUtf8(text: string, longestBytes: number): string {
  const clean = text
    .slice(0, longestBytes + 1)
    .toWellFormed()
    .replace(/\p{Cc}/gu, ' ')
  if (text.length <= longestBytes && Buffer.byteLength(clean) <= longestBytes) return clean
  const room = Buffer.alloc(longestBytes - Buffer.byteLength(mark))
  return `${room.toString('utf8', 0, room.write(clean))}${mark}`
}

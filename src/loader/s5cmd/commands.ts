/** The commands that s5cmd reads from its standard input, one object a line. */

/** Requests at once: parts of one large object, or small objects. */
export interface Concurrency {
  readonly objects: number
  readonly parts: number
}

/** Large objects come in parts of 50 MiB, small ones as a whole: about 64 requests at once, and fewer files than that. */
export function concurrencyFor(objects: number): Concurrency {
  if (objects <= 4) return { objects: 4, parts: 16 }
  return objects <= 32 ? { objects: 8, parts: 8 } : { objects: 64, parts: 2 }
}

export interface CopyCommand {
  readonly bucket: string
  readonly key: string
  readonly file: string
}

/** One key, never a pattern: `--raw`, because a key may have a `*` of its own. */
export function copyCommand({ bucket, key, file }: CopyCommand, { parts }: Concurrency): string {
  return `cp --raw --concurrency ${parts} ${quoted(`s3://${bucket}/${key}`)} ${quoted(file)}\n`
}

/** Quotes as a POSIX shell does, which s5cmd reads. A key with a line break is refused before. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

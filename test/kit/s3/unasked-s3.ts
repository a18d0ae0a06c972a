/** An S3 of which nothing is asked; a test replaces the calls that it expects. */
import type { S3 } from '../../../src/s3/s3.ts'

export const unaskedS3: S3 = {
  list: notExpected,
  directories: notExpected,
  peek: refuse,
  peekDirectories: refuse,
  find: refuse,
  head: refuse,
  read: refuse,
  readFirstByte: refuse,
  tags: refuse,
  close: () => undefined,
}

async function* notExpected(): AsyncGenerator<never> {
  yield await refuse()
}

function refuse(): Promise<never> {
  return Promise.reject(new Error('this is not asked here'))
}

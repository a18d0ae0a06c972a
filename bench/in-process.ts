/** Answers reviews in this process, as the webhook of a directory with sources does. */
import { join } from 'node:path'
import type * as Admit from '../src/admission/admit.ts'
import type * as Review from '../src/admission/review.ts'
import type * as ParseConfig from '../src/config/parse-config.ts'

export type InProcessAnswer = (body: string) => string

/** `sources` is the src of this or of another worktree. */
export async function inProcess(sources: string): Promise<InProcessAnswer> {
  const part = (path: string): Promise<unknown> => import(join(sources, `${path}.ts`))
  const { admit } = (await part('admission/admit')) as typeof Admit
  const { readReview } = (await part('admission/review')) as typeof Review
  const { defaultConfig: config } = (await part('config/parse-config')) as typeof ParseConfig
  return (body) => {
    const review = readReview(JSON.parse(body))
    if (!review.ok) throw new Error(review.problem)
    return JSON.stringify(admit(review.request, config).review)
  }
}

/** Answers that are no page of the listing, or one that contradicts another: never half a model, and never another one. */
import { etagOf, type RecordedRequest } from '../../kit/s3/s3-fault-proxy.ts'
import { endsWith } from '../../kit/s3/loader-end.ts'
import { holdsModel, holdsNothing, type Stage } from '../../kit/s3/loader-world.ts'
import type { Scenario } from './scenario.ts'
import type { Test } from 'tap'

const files = 12
const keysOfPage = 5

type End = readonly [exit: number, says: RegExp]

export const listings: readonly Scenario[] = [
  {
    name: 'a later page of the listing that is a web page ends the loader',
    run: (t, stage) =>
      refuses(
        t,
        stage,
        fromPage(3, () => '<!DOCTYPE html><html><title>Sign in</title>'),
        [11, /: the server answered with a web page \(HTML\): "<!DOCTYPE html><html><title>Sign in<\/title>"/],
      ),
  },
  {
    name: 'a later page of the listing that is empty ends the loader',
    run: (t, stage) =>
      refuses(
        t,
        stage,
        onPage(2, () => ''),
        [11, /: the server answered with an empty body, not with a listing; see what answers at the endpoint/],
      ),
  },
  {
    name: 'a later page of the listing that is other XML ends the loader',
    run: (t, stage) =>
      refuses(
        t,
        stage,
        onPage(2, () => '<ListAllMyBucketsResult/>'),
        [11, /: the server answered with XML of another kind \(ListAllMyBucketsResult\)/],
      ),
  },
  {
    name: 'a listing that says there is more, and not how to get it, ends the loader',
    run: (t, stage) =>
      refuses(
        t,
        stage,
        onPage(2, (text) => text.replace(/<NextContinuationToken>.*<\/NextContinuationToken>/, '')),
        [11, /: the server says that there is more, and not how to get it; see what answers at the endpoint/],
      ),
  },
  {
    name: 'a listing that goes in a circle ends the loader, and not at its timeout',
    run: async (t, stage) => {
      const tokens: string[] = []
      const circle = (text: string): string => {
        const token = /<NextContinuationToken>(.*)<\/NextContinuationToken>/.exec(text)?.[1]
        if (token !== undefined) tokens.push(token)
        const next = `<NextContinuationToken>${tokens[0] ?? ''}</NextContinuationToken><IsTruncated>true</IsTruncated>`
        return token === undefined ? text.replace('<IsTruncated>false</IsTruncated>', next) : text
      }
      await refuses(t, stage, circle, [11, /: the listing goes in a circle: after 2 pages the same token comes again/])
    },
  },
  {
    name: 'an object that is listed twice is one object',
    run: async (t, stage) => {
      const first = await putModel(stage)
      const repeat = onPage(3, (text) => text.replace('<Contents>', `${contentsOf(stage, first)}<Contents>`))
      misbehave(stage, repeat)
      endsWith(t, await stage.run(), 0)
      await holdsModel(t, stage)
      endsWith(t, await stage.run(), 0)
    },
  },
  {
    name: 'an object that is listed twice with another size is refused by its name',
    run: async (t, stage) => {
      const says = /^verification failed: .*file-00.*is listed twice/
      const repeat = (text: string): string => {
        const changed = contentsOf(stage, 'file 0').replace(/<Size>\d+</, '<Size>7<')
        return text.replace('<Contents>', `${changed}<Contents>`)
      }
      await refuses(t, stage, onPage(3, repeat), [15, says])
    },
  },
  {
    name: 'an object that is listed without its size is no file of 0 bytes',
    run: (t, stage) =>
      refuses(t, stage, (text) => text.replace(/(file-05<\/Key>.*?)<Size>\d+<\/Size>/, '$1'), [
        11,
        /: the server answered with a listing that has no size for "case-.*\/file-05"/,
      ]),
  },
  {
    name: 'keys that are not below the source are not loaded',
    run: (t, stage) =>
      refuses(
        t,
        stage,
        onPage(2, (text) => text.replaceAll(stage.prefix, `x-${stage.prefix}`)),
        [11, /: the server answered with (?:the listing of another prefix, "x-case|a listing that has "x-case)/],
      ),
  },
]

type Rewrite = (listing: string) => string

/** Rewrites one page of the first listing of a loader; later listings are unchanged. */
function onPage(number: number, rewrite: Rewrite): Rewrite {
  let page = 0
  return (text) => (++page === number ? rewrite(text) : text)
}

/** One that is asked for again is answered the same. */
function fromPage(number: number, rewrite: Rewrite): Rewrite {
  let page = 0
  return (text) => (++page >= number ? rewrite(text) : text)
}

/** Content of the first file. */
async function putModel(stage: Stage): Promise<string> {
  for (let i = 0; i < files; i++) await stage.put(`file-${String(i).padStart(2, '0')}`, `file ${i}`)
  return 'file 0'
}

function misbehave(stage: Stage, rewrite: Rewrite): void {
  const where = ({ prefix: listed }: RecordedRequest): boolean => listed === stage.prefix
  stage.fault({ match: { operation: 'list', where }, times: 'always', action: { kind: 'page-size', keys: keysOfPage } })
  stage.fault({ match: { operation: 'list', where }, times: 'always', action: { kind: 'rewrite', rewrite } })
}

async function refuses(t: Test, stage: Stage, rewrite: Rewrite, end: End): Promise<void> {
  await putModel(stage)
  misbehave(stage, rewrite)
  endsWith(t, await stage.run(), ...end)
  await holdsNothing(t, stage)
}

function contentsOf({ prefix, model }: Stage, body: string): string {
  const [path = ''] = [...model].find(([, content]) => content === body) ?? []
  return `<Contents><Key>${prefix}${path}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>${etagOf(body)}</ETag><Size>${body.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`
}

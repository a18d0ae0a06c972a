/** XML of servers: nothing in it can grow, and what cannot be read is not read in part. */
import fc from 'fast-check'
import t from 'tap'
import { readPage } from '../../../src/s3/listing-page.ts'
import { errorStatusOf } from '../../../src/s3/listing-text.ts'
import { S3Error } from '../../../src/s3/s3-error.ts'
import { readXmlList } from '../../../src/s3/xml-list.ts'

const page = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>m/</Prefix><KeyCount>2</KeyCount>
<IsTruncated>false</IsTruncated>
<Contents><Key>m/a &amp; b</Key><LastModified>2026-11-30T00:00:00.000Z</LastModified><ETag>&quot;e1&quot;</ETag>
<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumAlgorithm>SHA256</ChecksumAlgorithm><Size>1</Size>
<Owner><ID>x</ID><DisplayName>y</DisplayName></Owner><StorageClass>STANDARD</StorageClass></Contents>
<Contents><Key>m/<![CDATA[c<d]]></Key><ETag>"e2"</ETag><Size>20</Size><StorageClass>GLACIER</StorageClass>
<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>2027-01-01T00:00:00Z</RestoreExpiryDate></RestoreStatus></Contents>
</ListBucketResult>`

t.test('a page as S3 writes it', (t) => {
  t.match(readPage(page, { prefix: 'm/' }), {
    objects: [
      { key: 'm/a & b', size: 1, etag: '"e1"', archived: false, modifiedMs: Date.parse('2026-11-30') },
      { key: 'm/c<d', size: 20, etag: '"e2"', archived: false },
    ],
    prefixes: [],
    hasMore: false,
    token: undefined,
  })
  t.match(readPage(page.replace(/<RestoreStatus>.*<\/RestoreStatus>/, ''), { prefix: 'm/' }).objects, [
    { archived: false },
    { archived: true },
  ])
  t.end()
})

for (const [what, text, says] of [
  [
    'entities that a document defines',
    '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><r><k>&b;</k></r>',
    /entity/,
  ],
  ['a file that a document names', '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><r><k>&f;</k></r>', /entity/],
  ['elements without an end', '<r><k>', /unclosed|unexpected end/],
  ['elements that overlap', '<r><k></r></k>', /unexpected close|unclosed|mismatch/i],
  ['deep nesting', `${'<r>'.repeat(20)}${'</r>'.repeat(20)}`, /too deeply/],
  ['two texts of one name', '<r><k>1</k><k>2</k></r>', /a second k/],
  ['two roots', '<r/><r/>', /document/],
  ['an item in the wrong place', '<r><x><Item><k>1</k></Item></x></r>', /Item in the wrong place/],
  ['an item in an item', '<r><Item><Item><k>1</k></Item></Item></r>', /Item in the wrong place/],
] as const) {
  t.test(`${what} cannot be read`, (t) => {
    t.throws(() => readXmlList(text, { Item: 1 }), { message: says })
    t.end()
  })
}

t.test('texts of nested elements are named by their path, and take the place of no other', (t) => {
  const { fields, items } = readXmlList('<r><a>1</a><x><a>2</a></x><Item><o><k>3</k></o></Item><Item/></r>', {
    Item: 1,
  })
  t.strictSame([...fields], [['a', '1']])
  t.strictSame(
    items.get('Item')?.map((item) => [...item]),
    [[['o.k', '3']], []],
  )
  t.end()
})

t.test('a page that was changed anywhere is refused, or lists what it says', (t) => {
  const keys = ['m/a & b', 'm/c<d']
  fc.assert(
    fc.property(fc.nat(page.length), fc.nat(12), fc.string({ maxLength: 4 }), (at, length, instead) => {
      const changed = page.slice(0, at) + instead + page.slice(at + length)
      try {
        if (errorStatusOf(changed, undefined) !== undefined) return true
        const { objects } = readPage(changed, { prefix: 'm/' })
        // A change within a text is another text; none makes an object vanish.
        return objects.length === keys.length
      } catch (error) {
        return error instanceof S3Error && error.problem.kind === 'unbelievable'
      }
    }),
    { numRuns: 2000 },
  )
  t.pass('always')
  t.end()
})

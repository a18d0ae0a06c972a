import fc from 'fast-check'
import t from 'tap'
import { annotationNames, annotations } from '../../../src/annotations.ts'
import type { AnnotationRow } from '../../../src/values/annotation-row.ts'
import { annotationValues } from '../../kit/webhook/annotation-values.ts'
import { caseCount } from '../../kit/tools/long-runs.ts'

const numRuns = caseCount({ short: 1000, long: 20_000 })

for (const name of annotationNames) {
  const { form, parse, accepted }: AnnotationRow<unknown> = annotations[name]
  const whole = new RegExp(`^(?:${form.expression})$`)
  const refused = form.refused === undefined ? undefined : new RegExp(form.refused)
  const fits = (text: string): boolean => whole.test(text) && refused?.test(text) !== true

  t.test(`all values of ${name} that its parser takes have its form`, (t) => {
    let taken = 0
    fc.assert(
      fc.property(annotationValues(name), (text) => {
        if (!parse(text).ok) return true
        taken++
        return fits(text)
      }),
      { numRuns, seed: 20260101 },
    )
    t.ok(taken > numRuns / 50, `the parser took ${taken} of ${numRuns}`)
    t.end()
  })

  t.test(`a warning about ${name} has at most 120 characters`, (t) => {
    const found = `"${'x'.repeat(15)}..."`
    const words = `models.example.io/${name}: ${found} is denied, accepted: ${form.accepted ?? accepted}`
    t.ok(words.length <= 120, `${words.length}: ${words}`)
    t.end()
  })
}

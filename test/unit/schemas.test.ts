/** The schemas are compiled without a check of their own, which takes longer than the rest of the start: here is the check. */
import { Ajv } from 'ajv'
import t from 'tap'
import { waiversSchema } from '../../src/audit/waivers/waiver-schema.ts'
import { configSchema } from '../../src/config/config-schema.ts'
import { statusSchema } from '../../src/inject/status.ts'
import { podSchema } from '../../src/pod/pod-schema.ts'

const schemas = { configSchema, podSchema, statusSchema, waiversSchema }

for (const [name, schema] of Object.entries(schemas)) {
  t.test(`${name} is a schema, without keywords that do nothing`, (t) => {
    const ajv = new Ajv({ strict: true, allowUnionTypes: true })
    t.equal(ajv.validateSchema(schema), true, ajv.errorsText())
    t.doesNotThrow(() => ajv.compile(schema))
    t.end()
  })
}

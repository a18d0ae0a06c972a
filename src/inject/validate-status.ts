import { compileSchema } from '../compile-schema.ts'
import { statusSchema, type Status } from './status.ts'

export const validateStatus = compileSchema<Status>(statusSchema, 'first')

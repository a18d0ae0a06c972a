import { compileSchema } from '../../compile-schema.ts'
import { waiversSchema, type WaiversFile } from './waiver-schema.ts'

export const validateWaivers = compileSchema<WaiversFile>(waiversSchema, 'all')

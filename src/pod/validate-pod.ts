import { compileSchema } from '../compile-schema.ts'
import { podSchema } from './pod-schema.ts'
import type { Pod } from './pod.ts'

export const validatePod = compileSchema<Pod>(podSchema, 'first')

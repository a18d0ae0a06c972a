import { compileSchema } from '../compile-schema.ts'
import { configSchema, type ConfigFile } from './config-schema.ts'

export const validateConfig = compileSchema<ConfigFile>(configSchema, 'all')

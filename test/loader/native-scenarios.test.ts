import t from 'tap'
import { nativeEngine } from '../kit/s3/loader-run.ts'
import { scenarios } from './scenarios.ts'

t.setTimeout(30 * 60 * 1000)
scenarios(t, nativeEngine)

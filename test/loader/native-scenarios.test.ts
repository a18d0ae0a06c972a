import t from 'tap'
import { nativeEngine } from '../support/loader-run.ts'
import { scenarios } from './scenarios.ts'

t.setTimeout(15 * 60 * 1000)
scenarios(t, nativeEngine)

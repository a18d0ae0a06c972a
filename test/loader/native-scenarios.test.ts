import t from 'tap'
import { nativeEngine } from '../support/loader-run.ts'
import { scenarios } from './scenarios.ts'

t.setTimeout(30 * 60 * 1000)
scenarios(t, nativeEngine)

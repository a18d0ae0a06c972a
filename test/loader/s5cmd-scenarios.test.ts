import t from 'tap'
import { s5cmdEngine } from '../kit/s3/s5cmd-engine.ts'
import { scenarios } from './scenarios.ts'

t.setTimeout(30 * 60 * 1000)
scenarios(t, await s5cmdEngine())

import t from 'tap'
import { s5cmdEngine } from '../kit/s3/s5cmd-engine.ts'
import { conformance } from './conformance.ts'

t.setTimeout(45 * 60 * 1000)
conformance(t, await s5cmdEngine())

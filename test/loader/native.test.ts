import t from 'tap'
import { nativeEngine } from '../kit/s3/loader-run.ts'
import { conformance } from './conformance.ts'

t.setTimeout(45 * 60 * 1000)
conformance(t, nativeEngine)

import t from 'tap'
import { temporaryDirectory } from '../support/mounted-directory.ts'
import { s5cmdEngine } from '../support/s5cmd-engine.ts'
import { conformance } from './conformance.ts'

t.setTimeout(45 * 60 * 1000)
conformance(t, await s5cmdEngine(await temporaryDirectory(t)))

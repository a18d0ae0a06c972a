#!/usr/bin/env -S node --disable-sigusr1
import { run } from './cli/program.ts'

await run(process.argv)

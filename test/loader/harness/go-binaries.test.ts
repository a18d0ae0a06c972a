import { execFile } from 'node:child_process'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { s5cmdBinary, versitygwBinary } from '../../kit/tools/go-binaries.ts'

// The first run on a machine builds them from source.
t.setTimeout(15 * 60 * 1000)

t.test('s5cmd is the pinned release', async (t) => {
  t.match((await promisify(execFile)(await s5cmdBinary(), ['version'])).stdout, /^v2\.3\.0-/)
})

t.test("binaries of one's own are taken instead, and missed by name", async (t) => {
  const directory = t.testdir({ s5cmd: '#!/bin/sh\n' })
  await chmod(join(directory, 's5cmd'), 0o755)
  process.env.MODEL_INJECTOR_TEST_BINARIES = directory
  t.teardown(() => {
    delete process.env.MODEL_INJECTOR_TEST_BINARIES
  })
  t.equal(await s5cmdBinary(), join(directory, 's5cmd'))
  await t.rejects(versitygwBinary(), {
    message: `MODEL_INJECTOR_TEST_BINARIES is ${directory}, where no executable is found for versitygw`,
  })
})

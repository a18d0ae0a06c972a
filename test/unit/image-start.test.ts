/** The ways of npm to start the product, with the flags of Node that the image has; test/image/start.test.ts starts the image. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { imageNodeFlags } from '../../deploy/image/node-flags.ts'

const root = join(import.meta.dirname, '..', '..')
const flags = imageNodeFlags.join(' ')

t.test('npm start gives Node the flags of the image, and so does the program that npm links', async (t) => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } }
  t.ok(scripts.start.startsWith(`node ${flags} dist/main.js `), scripts.start)
  const [firstLine] = (await readFile(join(root, 'src', 'main.ts'), 'utf8')).split('\n')
  t.equal(firstLine, `#!/usr/bin/env -S node ${flags}`)
})

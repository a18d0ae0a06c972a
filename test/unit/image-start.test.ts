/** The ways to start the product: all of them with the same flags of Node. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { imageNodeFlags } from '../../deploy/image/node-flags.ts'

const root = join(import.meta.dirname, '..', '..')
const flags = imageNodeFlags.join(' ')

t.test('the image starts Node with its flags', async (t) => {
  const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8')
  const [, entrypoint = '[]'] = /^ENTRYPOINT (.*)$/m.exec(dockerfile) ?? []
  t.strictSame(JSON.parse(entrypoint), ['/usr/local/bin/node', ...imageNodeFlags, '/app/dist/main.js'])
})

t.test('so do npm start and the program that npm links', async (t) => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } }
  t.ok(scripts.start.startsWith(`node ${flags} dist/main.js `), scripts.start)
  const [firstLine] = (await readFile(join(root, 'src', 'main.ts'), 'utf8')).split('\n')
  t.equal(firstLine, `#!/usr/bin/env -S node ${flags}`)
})

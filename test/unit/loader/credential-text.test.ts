import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readTokenFile } from '../../../src/loader/credentials/credential-text.ts'
import { credentialsSource } from '../../../src/loader/credentials/credentials.ts'
import type { Environment } from '../../../src/loader/environment.ts'
import { loadTask } from '../../kit/s3/load-task.ts'

const keys = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret/+=', AWS_SESSION_TOKEN: 'token/+==' }
const live = new AbortController().signal

async function credentialsOf(env: Environment): Promise<unknown> {
  return credentialsSource(loadTask({ MODEL_CREDENTIALS: 'secret/keys' }), env, live)?.(false)
}

t.test('white space around the keys of a Secret is no part of them', async (t) => {
  const expected = await credentialsOf(keys)
  for (const [before, after] of [
    ['', '\n'],
    ['', '\r\n'],
    [' ', ' '],
    ['\n\t', '\n'],
    ['\u00a0', '\ufeff'],
  ] as const) {
    const env = Object.fromEntries(Object.entries(keys).map(([name, value]) => [name, before + value + after]))
    t.strictSame(await credentialsOf(env), expected, JSON.stringify([before, after]))
  }
})

t.test('a session token of nothing but white space is none', async (t) => {
  t.strictSame(await credentialsOf({ ...keys, AWS_SESSION_TOKEN: '\n' }), {
    accessKeyId: keys.AWS_ACCESS_KEY_ID,
    secretAccessKey: keys.AWS_SECRET_ACCESS_KEY,
  })
})

t.test('white space inside a key is named with Secret and key, and without the key', async (t) => {
  for (const name of Object.keys(keys)) {
    for (const value of ['AKIA\nEXAMPLE', 'AKIA EXAMPLE', 'AKIA\u0000', 'AKIA“EXAMPLE”', 'AKIA\u001b[31m']) {
      await t.rejects(credentialsOf({ ...keys, [name]: value }), {
        exit: 'NoIdentity',
        message: `the Secret keys has white space or other characters inside ${name}`,
        remedy: 'write it without them, as printf %s does',
      })
    }
  }
})

t.test('a role with white space around it is the role', (t) => {
  const irsa = loadTask({ MODEL_CREDENTIALS: 'irsa' })
  const env = { AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/models\n', AWS_WEB_IDENTITY_TOKEN_FILE: '/token\n' }
  t.doesNotThrow(() => credentialsSource(irsa, env, live))
  t.throws(() => credentialsSource(irsa, { ...env, AWS_ROLE_ARN: 'arn:aws:iam::1:role/a b' }, live), {
    exit: 'NoIdentity',
    message: 'the pod has white space or other characters inside AWS_ROLE_ARN',
  })
  t.throws(() => credentialsSource(irsa, { ...env, AWS_ROLE_ARN: '\n' }, live), {
    exit: 'NoIdentity',
    message: /AWS_ROLE_ARN .* not set/,
  })
  t.end()
})

t.test('a token is read without the line break at its end, and one that is no token is refused', async (t) => {
  const file = join(t.testdir(), 'token')
  await writeFile(file, ' a.b.c\n')
  t.equal(await readTokenFile(file), 'a.b.c')
  for (const [text, message] of [
    ['', `the token file ${file} is empty`],
    ['\n', `the token file ${file} is empty`],
    ['a.b.c\na.b.c', `the token file ${file} has white space or other characters in the token`],
  ] as const) {
    await writeFile(file, text)
    await t.rejects(readTokenFile(file), { exit: 'NoCredentials', message })
  }
  await t.rejects(readTokenFile(`${file}.missing`), { exit: 'NoCredentials', message: /cannot be read$/ })
})

/** Every template is judged by cfn-lint, which knows the resource schemas of CloudFormation. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { runPythonTool } from '../kit/tools/python-tools.ts'
import { renderedVariants } from './renderings.ts'

t.setTimeout(20 * 60 * 1000)

async function lint(
  directory: string,
  templates: Readonly<Record<string, string>>,
): Promise<{ code: number; output: string }> {
  const paths = await Promise.all(
    Object.entries(templates).map(async ([name, text]) => {
      const path = join(directory, name)
      await writeFile(path, text)
      return path
    }),
  )
  return runPythonTool('cfn-lint', ['--include-checks', 'I', '--', ...paths])
}

t.test('no template has anything that cfn-lint remarks', async (t) => {
  const rendered = await renderedVariants()
  const templates = Object.fromEntries(
    rendered.flatMap(({ name, files }) =>
      Object.entries(files)
        .filter(([file]) => file.startsWith('cloudformation-'))
        .map(([file, text]) => [`${name.replaceAll(/\W+/g, '-')}-${file}`, text]),
    ),
  )
  t.ok(Object.keys(templates).length >= 18, String(Object.keys(templates).length))
  const { code, output } = await lint(t.testdir(), templates)
  t.equal(code, 0, output)
  t.equal(output.trim(), '')
})

t.test('cfn-lint would notice a property that does not exist, and a wrong value', async (t) => {
  const rendered = await renderedVariants()
  const template = rendered.find(({ name }) => name === 's3 with a bucket')?.files['cloudformation-bucket.yaml'] ?? ''
  const { code, output } = await lint(t.testdir(), {
    'broken.yaml': template
      .replace('VersioningConfiguration:', 'VersioningConfig:')
      .replace('BucketOwnerEnforced', 'Nobody'),
  })
  t.not(code, 0)
  t.match(output, 'VersioningConfig')
  t.match(output, 'Nobody')
})

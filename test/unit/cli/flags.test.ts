/** Command lines are checked as a whole, before anything is done. */
import { CommanderError } from 'commander'
import t from 'tap'
import { buildProgram } from '../../../src/cli/program.ts'

/** All problems of a command line, one a line. */
async function problemsOf(line: string): Promise<readonly string[]> {
  const args = line.split(' ')
  const program = await buildProgram(args[0])
  let text = ''
  const silence = (command: typeof program): void => {
    command.configureOutput({ writeErr: (part) => (text += part), writeOut: () => undefined })
    command.commands.forEach(silence)
  }
  silence(program)
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
  }
  return [...text.matchAll(/^ {2}(.+)$/gm)].map(([, problem = '']) => problem)
}

const wrong: readonly (readonly [line: string, ...problems: string[]])[] = [
  [
    'serve --port 70000 --drain-seconds -1 --log-level loud --loader-image a:',
    '--loader-image <image> "a:" is not an image reference; accepted: the image of this container, as registry.example.com/model-injector@sha256:DIGEST',
    '--tls-dir <dir> is required',
    '--port <number> "70000" is not a port from 0 to 65535',
    '--drain-seconds <seconds> "-1" is not a number of seconds from 0 to 9999',
    '--log-level <level> "loud" is none of the accepted words; accepted: trace, debug, info, warn, error, fatal, silent',
  ],
  [
    'publish --source s3://bucket/key --required-tag x --region Mars',
    '--source <uri> "s3://bucket/key" names one object; a prefix ends in a slash; accepted: s3://bucket/prefix/',
    '--volume <dir> is required',
    '--required-tag <key=value> "x" has no key and value; accepted: KEY=VALUE',
    '--region <region> "Mars" is not a region name; accepted: a region as eu-west-1',
  ],
  [
    'publish --source s3://My_Models/llama/ --volume /v --addressing virtual --requester-pays --credentials anonymous',
    '--addressing virtual puts the bucket into the host name, where its name is not allowed; set it to path',
    '--requester-pays needs credentials, whose account pays: choose other --credentials than anonymous',
  ],
  [
    'publish --source s3://models/llama/ --volume /v --endpoint https://10.0.0.7 --addressing virtual',
    '--addressing virtual puts the bucket into the host name, and the endpoint has an IP address; set it to path',
  ],
  [
    'publish --source s3://models/llama/ --volume /v --addressing host',
    '--addressing <place> "host" is none of the accepted words; accepted: path, virtual',
  ],
  [
    'publish prune --volume /v --claim a --older-than soon',
    '--claim <namespace/name> "a" is no claim of a namespace; accepted: NAMESPACE/NAME',
    '--older-than <age> "soon" is not an age; accepted: 30d, 12h, 1d12h',
  ],
  [
    'audit -n a -A --serve --html x -f - -f - --listen nowhere',
    '--listen <address> "nowhere" is no address with a port; accepted: ADDRESS:PORT, or a port of 127.0.0.1',
    '-f - can be given only once: stdin has one end',
    '--namespace and --all-namespaces exclude each other',
    '--serve and --html exclude each other',
    '--serve reads again and again, and stdin only once: name a file',
  ],
  [
    'audit --fail-on tampered,tamperd --listen 1',
    '--fail-on <judgements> "tampered,tamperd" has "tamperd", neither a judgement nor a level; did you mean tampered?',
    '--listen needs --serve',
  ],
  ['audit --image a:9', "--image needs --config: in a cluster the webhook's Deployment names the image"],
  [
    'audit --image a: --fail-on none --config x',
    '--fail-on <judgements> "none" has "none", neither a judgement nor a level; did you mean note?',
    '--image <image> "a:" is not an image reference',
  ],
  ['load --start-jitter x', '--start-jitter <seconds> "x" is not a number of seconds from 0 to 9999'],
  [
    'inject --diff -o yaml -f - -f - --image a:',
    '--image <image> "a:" is not an image reference',
    '-f - can be given only once: stdin has one end',
    '--output and --diff exclude each other',
  ],
  ['uninject', '-f, --filename <path> is required; accepted: a path, or - for stdin'],
  ['why', 'name a pod, or a file with -f, and not both'],
  ['why my-pod -f x.yaml', 'name a pod, or a file with -f, and not both'],
  ['explain size --reasons', '--reasons explains all reasons, and takes no name'],
  [
    'check --server-url http://x',
    '--server-url <url> "http://x" is no https:// address; accepted: as https://10.0.3.7:8443',
  ],
  [
    'policy test --expect maybe',
    '-f, --filename <path> is required; accepted: a path, or - for stdin',
    '--config <file> is required',
    '--expect <verdict> "maybe" is none of the accepted words; accepted: allowed, denied',
  ],
]

for (const [line, ...problems] of wrong) {
  t.test(`every problem of "${line}" is named at once`, async (t) => {
    t.strictSame((await problemsOf(line)).toSorted(), problems.toSorted())
  })
}

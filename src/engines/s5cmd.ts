/** A constant script around the stock image of s5cmd. Users' words are in its environment only, never in its text. */
import type { Config } from '../config/config.ts'
import type { Findings } from '../request/findings.ts'
import { annotationKey } from '../request/keys.ts'
import { annotationField } from '../pod/field-path.ts'
import type { InjectionRequest, ModelRequest } from '../request/model-request.ts'
import type { Engine } from './engine.ts'
import { s5cmdScript } from './s5cmd-script.ts'

/** The default; operators should name it by its digest. */
const stockImage = 'peakcom/s5cmd:v2.3.0'

/** Every version of the script begins with this line. */
const firstLine = '# model-injector load, engine s5cmd\n'

export const s5cmd: Engine = {
  command: { command: ['/bin/sh', '-c', firstLine + s5cmdScript] },
  image: ({ loader }) => loader.s5cmdImage ?? stockImage,
  runsIn: ({ command, args }) => {
    const [shell, option, script, ...more] = command ?? []
    return (
      shell === '/bin/sh' &&
      option === '-c' &&
      script?.startsWith(firstLine) === true &&
      more.length === 0 &&
      (args ?? []).length === 0
    )
  },
  checkRequest: (request, config, findings) => {
    for (const model of request.models.filter(({ delivery }) => delivery === 'download')) {
      denyInclude(model, config, findings)
      denyWebIdentityAtEndpoint(model, request, config, findings)
      denyUnexpectedAtEndpoint(model, config, findings)
    }
  },
}

/** Its listing knows exclude patterns only. */
function denyInclude({ include, suffix }: ModelRequest, config: Config, findings: Findings): void {
  if (include.length === 0) return
  findings.deny({
    reason: 'EngineCannot',
    field: annotationField(annotationKey(config.annotationPrefix, 'include', suffix)),
    found: include.join(','),
    problem: 'is more than the loader engine s5cmd can do',
    remedy: 'use exclude, or the engine native',
  })
}

/** Its SDK sends the request for the role to the endpoint, too, and a server that is no STS makes it crash. */
function denyWebIdentityAtEndpoint(
  { endpoint, suffix }: ModelRequest,
  { credentials }: InjectionRequest,
  config: Config,
  findings: Findings,
): void {
  if (credentials.kind !== 'irsa' || endpoint === undefined) return
  findings.deny({
    reason: 'EngineCannot',
    field: annotationField(annotationKey(config.annotationPrefix, 'endpoint', suffix)),
    found: endpoint,
    problem: 'with the credentials irsa is more than the loader engine s5cmd can do',
    remedy: 'use other credentials, or the engine native',
  })
}

/**
 * Its listing ends without a word where a server breaks it off: with an empty page, or with one that says there is more and not
 * how to get it. AWS does neither; of others only the expectation can tell half a model from a whole one.
 */
function denyUnexpectedAtEndpoint(
  { source, endpoint, expect, suffix }: ModelRequest,
  config: Config,
  findings: Findings,
): void {
  if (source.scheme !== 's3' || source.extent !== 'prefix' || endpoint === undefined || expect !== undefined) return
  findings.deny({
    reason: 'EngineCannot',
    field: annotationField(annotationKey(config.annotationPrefix, 'endpoint', suffix)),
    found: endpoint,
    problem:
      'without expect is more than the loader engine s5cmd can do: it takes a listing that breaks off for a whole one',
    remedy: 'set expect to objects=N, bytes=N or manifest=KEY@sha256:HEX, or use the engine native',
  })
}

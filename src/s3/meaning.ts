/** The meaning of every problem of S3, in one table: how it is met, how a load ends with it, and how to fix it. */

/** `slow`: again, with fewer requests at once. `refresh`: once more, with new credentials. */
export type Reaction = 'giveUp' | 'retry' | 'slow' | 'refresh'

interface Meaning {
  readonly reaction: Reaction
  /** Name of the exit code. */
  readonly exit: 'Denied' | 'CannotList' | 'DownloadFailed' | 'VerificationFailed' | 'NoProgress'
  /** Undefined for that of the exit code. */
  readonly remedy?: string
}

const stranger = 'see what answers at the endpoint: a proxy, a cache, or a server that is not S3'
const otherLister = 'see what answers at the endpoint: a proxy, a cache, or a server that lists otherwise than S3'
const certificates = 'check the endpoint; for a certificate of your own, an operator sets loader.caCertificates'

const busy = 'it is tried again; look at the load of the server'
const unreachable = 'it is tried again; check the endpoint, DNS and network policies'

export const meanings = {
  denied: { reaction: 'giveUp', exit: 'Denied' },
  /** Credentials have ended, or S3 does not take the token for one. */
  expired: { reaction: 'refresh', exit: 'Denied' },
  kmsDenied: {
    reaction: 'giveUp',
    exit: 'Denied',
    remedy: 'allow kms:Decrypt with the KMS key of the objects, in the policy of the role and in that of the key',
  },
  kmsUnusable: {
    reaction: 'giveUp',
    exit: 'Denied',
    remedy: 'enable the KMS key of the objects, or copy them with another key',
  },
  skewed: { reaction: 'giveUp', exit: 'CannotList', remedy: 'correct the clock of the node' },
  noSuchBucket: { reaction: 'giveUp', exit: 'CannotList' },
  wrongRegion: { reaction: 'giveUp', exit: 'CannotList', remedy: 'set the region annotation' },
  /** To another URL, which may be a stranger's: credentials are not sent there. */
  redirected: { reaction: 'giveUp', exit: 'CannotList', remedy: 'set the endpoint to the URL that answers without' },
  notS3: { reaction: 'giveUp', exit: 'CannotList', remedy: stranger },
  /** Any other refusal that no retry changes. */
  refused: { reaction: 'giveUp', exit: 'CannotList' },
  proxyRefused: {
    reaction: 'giveUp',
    exit: 'CannotList',
    remedy: 'let the proxy allow the host, or name the host in noProxy',
  },
  tls: { reaction: 'giveUp', exit: 'CannotList', remedy: certificates },
  plainHttp: {
    reaction: 'giveUp',
    exit: 'CannotList',
    remedy: 'write the endpoint with http://, or give the server TLS',
  },
  plainTls: { reaction: 'giveUp', exit: 'CannotList', remedy: 'write the endpoint with https://' },
  /** No page of a listing. */
  unbelievable: {
    reaction: 'giveUp',
    exit: 'CannotList',
    remedy: otherLister,
  },
  endless: {
    reaction: 'giveUp',
    exit: 'NoProgress',
    remedy: otherLister,
  },
  archived: { reaction: 'giveUp', exit: 'DownloadFailed', remedy: 'restore it from Glacier first' },
  notFound: { reaction: 'giveUp', exit: 'DownloadFailed' },
  /** The object was replaced after it was listed. */
  changed: { reaction: 'giveUp', exit: 'DownloadFailed' },
  /** More or fewer bytes than the listing has. */
  otherLength: {
    reaction: 'giveUp',
    exit: 'VerificationFailed',
    remedy: 'see what answers at the endpoint: it may unpack or change what it sends',
  },
  /** A success that S3 would not send. */
  protocol: { reaction: 'giveUp', exit: 'DownloadFailed' },
  /** Bytes that are no HTTP/1.1. */
  malformed: { reaction: 'retry', exit: 'DownloadFailed' },
  throttled: { reaction: 'slow', exit: 'DownloadFailed', remedy: busy },
  unavailable: { reaction: 'retry', exit: 'DownloadFailed', remedy: busy },
  network: { reaction: 'retry', exit: 'DownloadFailed', remedy: unreachable },
  dns: { reaction: 'retry', exit: 'DownloadFailed', remedy: unreachable },
} as const satisfies Record<string, Meaning>

export type ProblemKind = keyof typeof meanings

export function meaningOf(kind: ProblemKind): Meaning {
  return meanings[kind]
}

/** A problem that is not about the answer is met by asking again. */
export function mayHeal(kind: ProblemKind): boolean {
  return ['retry', 'slow'].includes(meanings[kind].reaction)
}

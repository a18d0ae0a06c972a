/**
 * The exit codes of the loader in one closed table, used by a Job's podFailurePolicy, alerts and docs/loader.md. Append only.
 */
import { singleLine } from '../values/print/printable.ts'

export const exits = {
  Denied: {
    code: 10,
    summary: 'access denied',
    remedy: 'allow s3:GetObject and s3:ListBucket on the prefix',
    heals: false,
  },
  CannotList: {
    code: 11,
    summary: 'cannot list the source',
    remedy: 'check bucket, region and endpoint',
    heals: false,
  },
  Nothing: { code: 12, summary: 'nothing is there', remedy: 'check the source', heals: false },
  NoSpace: {
    code: 13,
    summary: 'not enough space',
    remedy: 'raise the size annotation or choose another volume',
    heals: false,
  },
  DownloadFailed: {
    code: 14,
    summary: 'the download failed',
    remedy: 'it is tried again; restore archived objects first',
    heals: true,
  },
  VerificationFailed: {
    code: 15,
    summary: 'verification failed',
    remedy: 'the source changes or is damaged: publish it under a new prefix',
    heals: true,
  },
  UnsafeKeys: { code: 16, summary: 'unsafe keys', remedy: 'rename the objects', heals: false },
  NoProgress: {
    code: 17,
    summary: 'no progress in time',
    remedy: 'raise timeout or stall-timeout, or look at the network',
    heals: true,
  },
  ForeignFiles: {
    code: 18,
    summary: 'the destination holds files the loader did not write',
    remedy: 'remove them or choose another volume',
    heals: false,
  },
  NotWritable: {
    code: 19,
    summary: 'the volume is not writable',
    remedy: 'check fsGroup, run-as-user and the volume',
    heals: false,
  },
  InvalidEnvironment: {
    code: 64,
    summary: 'the environment of the loader is invalid',
    remedy: 'the pod was changed after injection: recreate it',
    heals: false,
  },
  Bug: { code: 70, summary: 'a bug in the loader', remedy: 'report it with the log', heals: true },
  NoCredentials: {
    code: 75,
    summary: 'no credentials in time',
    remedy: 'look at what gives them, the Pod Identity agent or STS',
    heals: true,
  },
  NoIdentity: {
    code: 78,
    summary: 'no workload identity was injected',
    remedy: "give the pod an identity, the node's role is never used",
    heals: false,
  },
  Terminated: { code: 143, summary: 'SIGTERM', remedy: 'the next run continues', heals: true },
} as const

export type Exit = keyof typeof exits

/** Ends the loader. `message` is one line with the finding; the remedy is the table's unless a better one is known. */
export class LoaderFailure extends Error {
  readonly exit: Exit
  readonly remedy: string

  constructor(exit: Exit, message: string, options: ErrorOptions & { remedy?: string } = {}) {
    super(message, options)
    this.name = 'LoaderFailure'
    this.exit = exit
    this.remedy = options.remedy ?? exits[exit].remedy
  }
}

/** The line in the log and in the termination message: one line, whatever a server or a manifest wrote into it. */
export function failureLine({ exit, message, remedy }: LoaderFailure): string {
  return singleLine(`${exits[exit].summary}: ${message}; ${remedy} (exit ${exits[exit].code})`)
}

/** The row of a number; undefined for one that only the kernel or the kubelet gives. */
export function exitWithCode(code: number): (typeof exits)[Exit] | undefined {
  return Object.values(exits).find((row) => row.code === code)
}

/**
 * Takes a line of `failureLine` apart: what was found, without the summary, and the remedy. Undefined for any other
 * text, as the log of a loader that could not even start.
 */
export function readFailureLine(
  line: string,
): { readonly finding: string; readonly remedy: string; readonly code: number } | undefined {
  const [, text = '', digits = ''] = /^(.*) \(exit (\d+)\)$/.exec(line.trim()) ?? []
  const row = exitWithCode(Number(digits))
  if (row === undefined || !text.startsWith(`${row.summary}: `)) return undefined
  // A remedy of the table may hold the separator.
  const usual = `; ${row.remedy}`
  const end = text.endsWith(usual) ? text.length - usual.length : text.lastIndexOf('; ')
  if (end < row.summary.length + 2) return undefined
  return { finding: text.slice(row.summary.length + 2, end), remedy: text.slice(end + 2), code: row.code }
}

/** The metrics, in a registry of their own. Every label has a closed set of values: no name or text of a user is one. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { denyReasons, failReasons, injectReasons, skipReasons, type FailReason, type Reason } from '../reasons.ts'

export type AdmissionOutcome = 'skipped' | 'injected' | 'denied' | 'failed'

export interface AdmissionCount {
  readonly outcome: AdmissionOutcome
  readonly reason: Reason | FailReason
  readonly durationMs: number
}

export interface Metrics {
  readonly registry: Registry
  readonly countAdmission: (count: AdmissionCount) => void
  /** A request that was no admission: malformed, too large, too many at once. */
  readonly countRefusal: (statusCode: number) => void
  readonly countDroppedConnection: () => void
  readonly config: ReloadMetrics<{ readonly hash: string; readonly loadedAtMs: number }>
  readonly certificate: ReloadMetrics<{ readonly notAfterMs: number }>
}

export interface ReloadMetrics<T> {
  /** What is in service since the start. */
  readonly loaded: (facts: T) => void
  readonly reloaded: (facts: T) => void
  /** A new file was refused, and what was in service stays. */
  readonly refused: () => void
}

/** The core takes well below a millisecond for a usual pod; an API server gives up after seconds. */
const durationBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

const reasonsByOutcome: Record<AdmissionOutcome, object> = {
  skipped: skipReasons, injected: injectReasons, denied: denyReasons, failed: failReasons,
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return {
    registry,
    countAdmission: admissionCounter(registry),
    ...protectionCounters(registry),
    config: configMetrics(registry),
    certificate: certificateMetrics(registry),
  }
}

function admissionCounter(registry: Registry): Metrics['countAdmission'] {
  const total = new Counter({
    name: 'model_injector_admissions_total', help: 'Admissions by outcome and reason.',
    labelNames: ['outcome', 'reason'], registers: [registry],
  })
  const duration = new Histogram({
    name: 'model_injector_admission_duration_seconds', help: 'Time from the parsed request to its answer.',
    labelNames: ['outcome'], buckets: durationBuckets, registers: [registry],
  })
  // A series that starts with its first event hides that event from rate().
  for (const [outcome, reasons] of Object.entries(reasonsByOutcome)) {
    duration.zero({ outcome })
    for (const reason of Object.keys(reasons)) total.inc({ outcome, reason }, 0)
  }
  return ({ outcome, reason, durationMs }) => {
    total.inc({ outcome, reason })
    duration.observe({ outcome }, durationMs / 1000)
  }
}

const refusalStatuses = [400, 404, 408, 413, 415, 431, 500, 503] as const

function protectionCounters(registry: Registry): Pick<Metrics, 'countRefusal' | 'countDroppedConnection'> {
  const refusals = new Counter({
    name: 'model_injector_requests_refused_total', help: 'Requests to the webhook port that were no admission, by HTTP status.',
    labelNames: ['status'], registers: [registry],
  })
  const dropped = new Counter({
    name: 'model_injector_connections_dropped_total', help: 'Connections that were closed at once because there were too many.',
    registers: [registry],
  })
  for (const status of refusalStatuses) refusals.inc({ status: String(status) }, 0)
  return {
    countRefusal: (statusCode) => {
      const known = refusalStatuses.some((status) => status === statusCode)
      refusals.inc({ status: known ? String(statusCode) : '400' })
    },
    countDroppedConnection: () => { dropped.inc() },
  }
}

function configMetrics(registry: Registry): Metrics['config'] {
  const info = new Gauge({
    name: 'model_injector_config_info', help: 'The configuration in service, by its hash.', labelNames: ['hash'], registers: [registry],
  })
  const time = new Gauge({
    name: 'model_injector_config_last_reload_success_timestamp_seconds', help: 'When the configuration in service was read.',
    registers: [registry],
  })
  return reloadMetrics(registry, 'config', ({ hash, loadedAtMs }) => {
    // Only the current hash has a series, or every change would leave one behind.
    info.reset()
    info.set({ hash }, 1)
    time.set(loadedAtMs / 1000)
  })
}

function certificateMetrics(registry: Registry): Metrics['certificate'] {
  const notAfter = new Gauge({
    name: 'model_injector_certificate_not_after_timestamp_seconds', help: 'When the certificate in service expires; 0 without one.',
    registers: [registry],
  })
  return reloadMetrics(registry, 'certificate', ({ notAfterMs }) => { notAfter.set(notAfterMs / 1000) })
}

function reloadMetrics<T>(registry: Registry, subject: 'config' | 'certificate', describe: (facts: T) => void): ReloadMetrics<T> {
  const reloads = new Counter({
    name: `model_injector_${subject}_reloads_total`, help: `Changes of the ${subject} that were noticed, by what came of them.`,
    labelNames: ['result'], registers: [registry],
  })
  const ok = new Gauge({
    name: `model_injector_${subject}_reload_ok`, help: `1 if the ${subject} in service is the one in the mounted files.`,
    registers: [registry],
  })
  for (const result of ['success', 'failure']) reloads.inc({ result }, 0)
  const loaded = (facts: T): void => {
    describe(facts)
    ok.set(1)
  }
  return {
    loaded,
    reloaded: (facts) => {
      loaded(facts)
      reloads.inc({ result: 'success' })
    },
    refused: () => {
      ok.set(0)
      reloads.inc({ result: 'failure' })
    },
  }
}

/** The metrics, in a registry of their own. Every label has a closed set of values: no untrusted text becomes one. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { version } from '../version.ts'
import { admissionMetrics, type AdmissionMetrics } from './admission-metrics.ts'

export interface Metrics extends AdmissionMetrics {
  readonly registry: Registry
  /** Counts a request that was no admission: malformed, too large, too many at once. */
  readonly countRefusal: (statusCode: number) => void
  readonly countDroppedConnection: () => void
  readonly setWaitingConnections: (count: number) => void
  readonly config: ReloadMetrics<{ readonly hash: string; readonly loadedAtMs: number }>
  readonly certificate: ReloadMetrics<{ readonly notBeforeMs: number; readonly notAfterMs: number }>
}

interface ReloadMetrics<T> {
  /** Records a new version in service. */
  readonly loaded: (facts: T) => void
  readonly reloaded: (facts: T) => void
  /** Records a refused file; the previous version stays in service. */
  readonly refused: () => void
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  registerVersion(registry)
  return {
    registry,
    ...admissionMetrics(registry),
    ...protectionMetrics(registry),
    config: configMetrics(registry),
    certificate: certificateMetrics(registry),
  }
}

function registerVersion(registry: Registry): void {
  new Gauge({
    name: 'model_injector_build_info',
    help: 'Always 1; the label says which version runs.',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1)
}

const refusalStatuses = [400, 404, 408, 413, 415, 431, 500, 503] as const

function protectionMetrics(
  registry: Registry,
): Pick<Metrics, 'countRefusal' | 'countDroppedConnection' | 'setWaitingConnections'> {
  const refusals = new Counter({
    name: 'model_injector_requests_refused_total',
    help: 'Requests to the webhook port that were no admission, by HTTP status.',
    labelNames: ['status'],
    registers: [registry],
  })
  const dropped = new Counter({
    name: 'model_injector_connections_dropped_total',
    help: 'Connections that were closed unanswered because there were too many.',
    registers: [registry],
  })
  const waiting = new Gauge({
    name: 'model_injector_connections_waiting',
    help: 'Connections that wait for others to close, before their handshake.',
    registers: [registry],
  })
  for (const status of refusalStatuses) refusals.inc({ status: String(status) }, 0)
  return {
    countRefusal: (statusCode) => {
      const known = refusalStatuses.some((status) => status === statusCode)
      refusals.inc({ status: known ? String(statusCode) : '400' })
    },
    countDroppedConnection: () => {
      dropped.inc()
    },
    setWaitingConnections: (count) => {
      waiting.set(count)
    },
  }
}

function configMetrics(registry: Registry): Metrics['config'] {
  const info = new Gauge({
    name: 'model_injector_config_info',
    help: 'The configuration in service, by its hash.',
    labelNames: ['hash'],
    registers: [registry],
  })
  const time = new Gauge({
    name: 'model_injector_config_last_reload_success_timestamp_seconds',
    help: 'When the configuration in service was read.',
    registers: [registry],
  })
  return reloadMetrics(registry, 'config', ({ hash, loadedAtMs }) => {
    // Only the current hash has a series; otherwise every change would add one.
    info.reset()
    info.set({ hash }, 1)
    time.set(loadedAtMs / 1000)
  })
}

function certificateMetrics(registry: Registry): Metrics['certificate'] {
  const notAfter = new Gauge({
    name: 'model_injector_certificate_not_after_timestamp_seconds',
    help: 'When the certificate in service expires; 0 without one.',
    registers: [registry],
  })
  const notBefore = new Gauge({
    name: 'model_injector_certificate_not_before_timestamp_seconds',
    help: 'Since when the certificate in service is valid; 0 without one.',
    registers: [registry],
  })
  return reloadMetrics(registry, 'certificate', ({ notBeforeMs, notAfterMs }) => {
    notBefore.set(notBeforeMs / 1000)
    notAfter.set(notAfterMs / 1000)
  })
}

function reloadMetrics<T>(
  registry: Registry,
  subject: 'config' | 'certificate',
  describe: (facts: T) => void,
): ReloadMetrics<T> {
  const reloads = new Counter({
    name: `model_injector_${subject}_reloads_total`,
    help: `Changes of the ${subject} that were noticed, by result.`,
    labelNames: ['result'],
    registers: [registry],
  })
  const ok = new Gauge({
    name: `model_injector_${subject}_reload_ok`,
    help: `1 if the ${subject} in service is the one in the mounted files.`,
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

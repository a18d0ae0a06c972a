/** Metrics of admissions. Every label has a closed set of values, and every series exists from the start. */
import { Counter, Histogram, type Registry } from 'prom-client'
import { deliveries } from '../values/source.ts'
import { policyModes, type PolicyMode } from '../config/policy.ts'
import {
  denyReasons,
  failReasons,
  injectReasons,
  skipReasons,
  warnReasons,
  type FailReason,
  type Reason,
  type WarnReason,
} from '../reasons.ts'

type AdmissionOutcome = 'skipped' | 'injected' | 'denied' | 'failed'

interface AdmissionCount {
  readonly outcome: AdmissionOutcome
  readonly reason: Reason | FailReason
  readonly durationMs: number
}

const eventResults = ['sent', 'failed', 'dropped'] as const
type EventResult = (typeof eventResults)[number]

export interface AdmissionMetrics {
  readonly countAdmission: (count: AdmissionCount) => void
  readonly countWarning: (reason: WarnReason) => void
  readonly countInjectedModel: (delivery: string) => void
  /** Counts a pod that a policy denied (enforce) or would have denied (audit). */
  readonly countPolicyDenial: (mode: PolicyMode) => void
  readonly countEvents: (result: EventResult, count: number) => void
}

/** The core takes well below a millisecond for a usual pod; an API server gives up after seconds. */
const durationBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

const reasonsByOutcome: Record<AdmissionOutcome, object> = {
  skipped: skipReasons,
  injected: injectReasons,
  denied: denyReasons,
  failed: failReasons,
}

export function admissionMetrics(registry: Registry): AdmissionMetrics {
  const warnings = closedCounter(registry, {
    name: 'model_injector_warnings_total',
    help: 'Warnings given to clients, by reason.',
    label: 'reason',
    values: Object.keys(warnReasons),
  })
  const models = closedCounter(registry, {
    name: 'model_injector_models_injected_total',
    help: 'Models that were added to pods, by delivery; dry runs and repairs are not counted.',
    label: 'delivery',
    values: deliveries,
  })
  const policyDenials = closedCounter(registry, {
    name: 'model_injector_policy_denials_total',
    help: "Pods that the operator's policy denied (enforce) or would have denied (audit).",
    label: 'mode',
    values: policyModes,
  })
  const events = closedCounter(registry, {
    name: 'model_injector_events_total',
    help: 'Events on owners of pods: written, failed to be written, or given up.',
    label: 'result',
    values: eventResults,
  })
  return {
    countAdmission: admissionCounter(registry),
    countWarning: (reason) => {
      warnings(reason, 1)
    },
    countInjectedModel: (delivery) => {
      models(delivery, 1)
    },
    countPolicyDenial: (mode) => {
      policyDenials(mode, 1)
    },
    countEvents: events,
  }
}

function admissionCounter(registry: Registry): AdmissionMetrics['countAdmission'] {
  const total = new Counter({
    name: 'model_injector_admissions_total',
    help: 'Admissions by outcome and reason, dry runs included.',
    labelNames: ['outcome', 'reason'],
    registers: [registry],
  })
  const duration = new Histogram({
    name: 'model_injector_admission_duration_seconds',
    help: 'Time from the parsed request to its answer, in seconds.',
    labelNames: ['outcome'],
    buckets: durationBuckets,
    registers: [registry],
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

interface ClosedCounter {
  readonly name: string
  readonly help: string
  readonly label: string
  readonly values: readonly string[]
}

function closedCounter(
  registry: Registry,
  { name, help, label, values }: ClosedCounter,
): (value: string, count: number) => void {
  const counter = new Counter({ name, help, labelNames: [label], registers: [registry] })
  for (const value of values) counter.inc({ [label]: value }, 0)
  return (value, count) => {
    // A value outside the table is a bug, and must not create a series.
    if (values.includes(value)) counter.inc({ [label]: value }, count)
  }
}

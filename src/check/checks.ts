/** The complete, closed table of checks: installation, before it, deliveries, identity. */
import { deliveryChecks } from '../deliveries/companions.ts'
import { installationChecks } from '../diagnosis/installation-checks.ts'
import { identityChecks } from './identity/checks.ts'
import { preChecks } from './pre/checks.ts'

export const checks = { ...installationChecks, ...preChecks, ...deliveryChecks, ...identityChecks } as const

export type CheckId = keyof typeof checks

export const checkIds = Object.keys(checks) as CheckId[]

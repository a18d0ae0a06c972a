/** The complete, closed table of checks: installation, deliveries, identity. */
import { deliveryChecks } from '../deliveries/companions.ts'
import { installationChecks } from '../diagnosis/installation-checks.ts'
import { identityChecks } from './identity/checks.ts'

export const checks = { ...installationChecks, ...deliveryChecks, ...identityChecks } as const

export type CheckId = keyof typeof checks

export const checkIds = Object.keys(checks) as CheckId[]

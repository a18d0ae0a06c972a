/** Partitions of AWS by region: their names in ARNs, and the domains of their services. A test compares the table with that of the SDK. */

interface Partition {
  readonly regions: RegExp
  /** As in ARNs. */
  readonly name: string
  readonly domain: string
  readonly hasS3Fips: boolean
}

const partitions: readonly Partition[] = [
  { regions: /^cn-\w+-\d+$|^aws-cn-global$/, name: 'aws-cn', domain: 'amazonaws.com.cn', hasS3Fips: false },
  { regions: /^us-gov-\w+-\d+$|^aws-us-gov-global$/, name: 'aws-us-gov', domain: 'amazonaws.com', hasS3Fips: true },
  { regions: /^eusc-(?:de)-\w+-\d+$/, name: 'aws-eusc', domain: 'amazonaws.eu', hasS3Fips: true },
  { regions: /^us-iso-\w+-\d+$|^aws-iso-global$/, name: 'aws-iso', domain: 'c2s.ic.gov', hasS3Fips: true },
  { regions: /^us-isob-\w+-\d+$|^aws-iso-b-global$/, name: 'aws-iso-b', domain: 'sc2s.sgov.gov', hasS3Fips: true },
  { regions: /^eu-isoe-\w+-\d+$|^aws-iso-e-global$/, name: 'aws-iso-e', domain: 'cloud.adc-e.uk', hasS3Fips: true },
  { regions: /^us-isof-\w+-\d+$|^aws-iso-f-global$/, name: 'aws-iso-f', domain: 'csp.hci.ic.gov', hasS3Fips: true },
]

/** The standard partition, and any region that is not known. */
const standard: Partition = { regions: /^/, name: 'aws', domain: 'amazonaws.com', hasS3Fips: true }

export function partitionOf(region: string): Omit<Partition, 'regions'> {
  return partitions.find(({ regions }) => regions.test(region)) ?? standard
}

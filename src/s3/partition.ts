/** Partitions of AWS: the domain of its services, by region. A test compares the table with that of the SDK. */

interface Partition {
  readonly regions: RegExp
  readonly domain: string
  readonly hasS3Fips: boolean
}

const partitions: readonly Partition[] = [
  { regions: /^cn-\w+-\d+$|^aws-cn-global$/, domain: 'amazonaws.com.cn', hasS3Fips: false },
  { regions: /^eusc-(?:de)-\w+-\d+$/, domain: 'amazonaws.eu', hasS3Fips: true },
  { regions: /^us-iso-\w+-\d+$|^aws-iso-global$/, domain: 'c2s.ic.gov', hasS3Fips: true },
  { regions: /^us-isob-\w+-\d+$|^aws-iso-b-global$/, domain: 'sc2s.sgov.gov', hasS3Fips: true },
  { regions: /^eu-isoe-\w+-\d+$|^aws-iso-e-global$/, domain: 'cloud.adc-e.uk', hasS3Fips: true },
  { regions: /^us-isof-\w+-\d+$|^aws-iso-f-global$/, domain: 'csp.hci.ic.gov', hasS3Fips: true },
]

/** Regions of the standard partition and of GovCloud, and whatever is not known. */
const standard: Partition = { regions: /^/, domain: 'amazonaws.com', hasS3Fips: true }

export function partitionOf(region: string): Pick<Partition, 'domain' | 'hasS3Fips'> {
  return partitions.find(({ regions }) => regions.test(region)) ?? standard
}

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const DAYS = '30'
const EC_P256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly certificateFile: string
  readonly keyFile: string
}

export interface CertificateRequest {
  /** Names the files: NAME.crt, NAME.key. */
  readonly name: string
  /** As openssl takes it: /O=system:masters/CN=admin */
  readonly subject: string
  readonly usage: 'serverAuth' | 'clientAuth'
  /** As openssl takes them: DNS:localhost, IP:127.0.0.1 */
  readonly alternativeNames?: readonly string[]
}

export interface SigningKeys {
  readonly privateKeyFile: string
  readonly publicKeyFile: string
}

export async function createCertificateAuthority(directory: string, name: string): Promise<CertificateFiles> {
  const { certificateFile, keyFile } = filesOf(directory, name)
  await openssl([
    'req',
    '-x509',
    ...EC_P256,
    '-keyout',
    keyFile,
    '-out',
    certificateFile,
    '-sha256',
    '-days',
    DAYS,
    '-subj',
    `/CN=${name}`,
    '-addext',
    'basicConstraints=critical,CA:TRUE',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign,digitalSignature',
  ])
  return { certificateFile, keyFile }
}

/** The files are written into one directory; the key never leaves it. */
export async function issueCertificate(
  directory: string,
  authority: CertificateFiles,
  request: CertificateRequest,
): Promise<CertificateFiles> {
  const { certificateFile, keyFile } = filesOf(directory, request.name)
  const requestFile = join(directory, `${request.name}.csr`)
  const extensionsFile = join(directory, `${request.name}.ext`)
  await writeFile(extensionsFile, extensionsOf(request))
  await openssl(['req', '-new', ...EC_P256, '-keyout', keyFile, '-subj', request.subject, '-out', requestFile])
  await openssl([
    'x509',
    '-req',
    '-in',
    requestFile,
    '-out',
    certificateFile,
    '-sha256',
    '-days',
    DAYS,
    '-CA',
    authority.certificateFile,
    '-CAkey',
    authority.keyFile,
    '-extfile',
    extensionsFile,
    // Not -CAcreateserial: certificates are issued side by side and would race for its file.
    '-set_serial',
    `0x${randomBytes(16).toString('hex')}`,
  ])
  return { certificateFile, keyFile }
}

export async function createSigningKeys(directory: string, name: string): Promise<SigningKeys> {
  const privateKeyFile = join(directory, `${name}.key`)
  const publicKeyFile = join(directory, `${name}.pub`)
  await openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', privateKeyFile])
  await openssl(['pkey', '-in', privateKeyFile, '-pubout', '-out', publicKeyFile])
  return { privateKeyFile, publicKeyFile }
}

function filesOf(directory: string, name: string): CertificateFiles {
  return { certificateFile: join(directory, `${name}.crt`), keyFile: join(directory, `${name}.key`) }
}

function extensionsOf({ usage, alternativeNames = [] }: CertificateRequest): string {
  return [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    `extendedKeyUsage=${usage}`,
    'subjectKeyIdentifier=hash',
    'authorityKeyIdentifier=keyid',
    ...(alternativeNames.length === 0 ? [] : [`subjectAltName=${alternativeNames.join(',')}`]),
  ].join('\n')
}

async function openssl(args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)('openssl', args)
  } catch (error) {
    if (!isNotFound(error)) throw error
    throw new Error('openssl is not installed; the tests make their certificates with it', { cause: error })
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

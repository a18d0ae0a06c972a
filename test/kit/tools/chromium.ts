/** A real browser: that of the machine, or else Debian's, unpacked into the cache with the libraries and fonts that the machine lacks. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { chromium, type Browser } from 'playwright-core'
import { unpackedPackages } from './debian-packages.ts'

const run = promisify(execFile)

const TEST_CHROMIUM = 'MODEL_INJECTOR_TEST_CHROMIUM'
const installed = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium']
const browserPackage = 'chromium-headless-shell'
// Latin, Hebrew and Arabic letters, so that screenshots and widths do not depend on the machine.
const fontPackages = ['fonts-dejavu-core', 'fontconfig-config']

interface Program {
  readonly file: string
  readonly environment: Record<string, string>
}

/** --no-sandbox: tests run as root in containers, where Chromium has no sandbox; it shows nothing but our own page. */
export async function startChromium(): Promise<Browser> {
  const { file, environment } = await program()
  return await chromium.launch({
    executablePath: file,
    args: ['--no-sandbox'],
    env: { ...definedOnly(process.env), ...environment },
  })
}

async function program(): Promise<Program> {
  const configured = process.env[TEST_CHROMIUM]
  for (const file of configured === undefined ? installed : [configured]) {
    if (await isExecutable(file)) return { file, environment: {} }
  }
  if (configured !== undefined) throw new Error(`${TEST_CHROMIUM} is ${configured}, which is no executable`)
  return unpackedProgram(await unpackedPackages('chromium', await missingPackages(), writeFontConfiguration))
}

/** Packages that an installation would add to this machine: nothing is installed, apt only lists them. */
async function missingPackages(): Promise<readonly string[]> {
  const simulate = (): Promise<{ stdout: string }> =>
    run('apt-get', ['--simulate', '--no-install-recommends', 'install', browserPackage, ...fontPackages])
  const { stdout } = await simulate()
    .catch(async () => {
      // A machine that has never looked knows of no packages.
      await run('apt-get', ['update'])
      return await simulate()
    })
    .catch((error: unknown) => {
      throw new Error(`apt-get knows no ${browserPackage}: set ${TEST_CHROMIUM} to a Chromium`, { cause: error })
    })
  const missing = [...stdout.matchAll(/^Inst (\S+)/gm)].flatMap(([, name]) => name ?? [])
  return [...new Set([...missing, ...fontPackages])]
}

async function writeFontConfiguration(root: string): Promise<void> {
  await writeFile(
    join(root, 'fonts.conf'),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`,
  )
}

async function unpackedProgram(root: string): Promise<Program> {
  const libraries = await libraryDirectories(root)
  const environment = {
    LD_LIBRARY_PATH: libraries.join(':'),
    FONTCONFIG_FILE: join(root, 'fonts.conf'),
    XDG_CACHE_HOME: root,
  }
  return { file: join(root, 'usr', 'lib', 'chromium', browserPackage), environment }
}

/** /usr/lib/x86_64-linux-gnu, or what it is called on another architecture; PulseAudio's own library lies one deeper. */
async function libraryDirectories(root: string): Promise<readonly string[]> {
  const bases = [join(root, 'usr', 'lib'), join(root, 'lib')]
  const triplets = await Promise.all(
    bases.map(async (base) => {
      const names = await readdir(base).catch((): string[] => [])
      return names.filter((name) => name.endsWith('-linux-gnu')).map((name) => join(base, name))
    }),
  )
  return triplets.flat().flatMap((directory) => [directory, join(directory, 'pulseaudio')])
}

function definedOnly(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

async function isExecutable(file: string): Promise<boolean> {
  return await access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}

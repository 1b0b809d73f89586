import { accessSync, closeSync, constants, openSync, readFileSync, readSync, realpathSync } from 'node:fs'
import { arch } from 'node:os'
import type { Emulation } from '../native/requests/trees.ts'
import { bytesOfText } from '../native/wire.ts'
import { isErrno, TsbuildError } from '../registry/oci/error.ts'
import { formatPlatform, type Platform, platformOfArch } from '../registry/oci/platform.ts'
import type { Context } from './context.ts'

/** What QEMU calls an architecture; those that the helper knows the programs of (emulation.cc). */
const QEMU_NAMES: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  '386': 'i386',
  arm64: 'aarch64',
  arm: 'arm',
  riscv64: 'riscv64',
  ppc64le: 'ppc64le',
  ppc64: 'ppc64',
  s390x: 's390x',
  loong64: 'loongarch64',
  mips64le: 'mips64el',
  mips64: 'mips64',
  mipsle: 'mipsel',
  mips: 'mips',
}

/** Where Debian's and other packages have it. */
const FOLDERS = ['/usr/bin', '/usr/local/bin']
const HOST_REGISTRATIONS = '/proc/sys/fs/binfmt_misc'

type Environment = Context['env']

/**
 * The user emulation of QEMU for a platform that this machine does not execute itself: of TSBUILD_QEMU_DIR, else of where packages have it, else what the
 * machine has registered. A processor for arm64 may execute arm, too: then no emulator is needed. Throws EMULATOR_MISSING, EMULATOR_INVALID.
 */
export function emulationFor(platform: Platform, env: Environment): Emulation | undefined {
  const { architecture } = platform
  const emulator = emulatorOf(architecture, env)
  const mayUseHost = isRegistered(architecture)
  if (emulator !== undefined || mayUseHost) return { architecture, emulator: bytesOfText(emulator ?? ''), mayUseHost }
  const machine = platformOfArch(arch())
  if (machine.architecture === 'arm64' && architecture === 'arm') return undefined
  const isKnown = QEMU_NAMES[architecture] !== undefined && platform.os === 'linux'
  throw new TsbuildError(
    'EMULATOR_MISSING',
    `a ${formatPlatform(machine)} machine does not execute programs for ${formatPlatform(platform)}`,
    {
      hint: `${isKnown ? `install an emulator: ${installAdvice(env)}; or ` : ''}run what can be run on FROM --platform=$BUILDPLATFORM, and COPY --from it`,
    },
  )
}

function installAdvice({ TSBUILD_QEMU_DIR: folder }: Environment): string {
  return folder
    ? `TSBUILD_QEMU_DIR=${folder} has none`
    : 'apt-get install qemu-user-static (Linux 6.7 or later; before, binfmt-support as well)'
}

/** Architectures that there is an emulator for, and those that the machine has registered itself. */
export function emulatedHere(env: Environment): { readonly own: readonly string[]; readonly host: readonly string[] } {
  const names = Object.keys(QEMU_NAMES).filter((name) => name !== platformOfArch(arch()).architecture)
  return { own: names.filter((name) => emulatorOf(name, env) !== undefined), host: names.filter(isRegistered) }
}

function emulatorOf(architecture: string, { TSBUILD_QEMU_DIR: given }: Environment): string | undefined {
  const name = QEMU_NAMES[architecture]
  if (name === undefined) return undefined
  for (const folder of given ? [given] : FOLDERS)
    for (const file of [`qemu-${name}-static`, `qemu-${name}`]) {
      const path = pathOf(`${folder}/${file}`)
      if (path !== undefined && isStatic(path)) return path
    }
  return undefined
}

/** Without links, since the helper follows none. */
function pathOf(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK | constants.X_OK)
    return realpathSync(path)
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR') || isErrno(error, 'EACCES')) return undefined
    throw error
  }
}

const HEADER_BYTES = 4096
const PT_INTERP = 3

/** A program that needs a loader would look for it in the image: elf(5), PT_INTERP. The machine's own programs have 64-bit little-endian headers. */
function isStatic(path: string): boolean {
  const header = Buffer.alloc(HEADER_BYTES)
  const file = openSync(path, 'r')
  try {
    readSync(file, header, 0, HEADER_BYTES, 0)
  } finally {
    closeSync(file)
  }
  if (header.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return false
  const [start, size, count] = [Number(header.readBigUInt64LE(32)), header.readUInt16LE(54), header.readUInt16LE(56)]
  for (let index = 0; index < count; index++) {
    const at = start + index * size
    if (at + 4 <= HEADER_BYTES && header.readUInt32LE(at) === PT_INTERP) return false
  }
  return true
}

/** By the name that all packages give it. Only one that has the emulator open already (flag F) works where its path leads elsewhere. */
function isRegistered(architecture: string): boolean {
  const name = QEMU_NAMES[architecture]
  if (name === undefined) return false
  try {
    const text = readFileSync(`${HOST_REGISTRATIONS}/qemu-${name}`, 'utf8')
    return text.startsWith('enabled\n') && /^flags: .*F/m.test(text)
  } catch {
    return false // not mounted, or nothing of that name
  }
}

// Makes the BPF programs of native/src/helper/seccomp.table: `node scripts/seccomp.mjs TABLE OUTPUT.h`.
// One program holds every architecture the machine's kernel can run. A system call is found by bisection, since the kernel runs the program once for
// each possible number when it is loaded: a linear list costs up to 0.95 ms a step, the tree 0.1 ms.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

// linux/audit.h, linux/filter.h, linux/seccomp.h
const ARCHES = {
  x64: [
    { name: 'x86_64', audit: 0xc000003e, header: 'asm/unistd_64.h' },
    { name: 'i386', audit: 0x40000003, header: 'asm/unistd_32.h' },
  ],
  arm64: [{ name: 'aarch64', audit: 0xc00000b7, header: 'asm/unistd.h' }],
}
const LOAD = 0x20 // BPF_LD | BPF_W | BPF_ABS
const JUMP = 0x05 // BPF_JMP | BPF_JA
const IF_EQUAL = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
const IF_AT_LEAST = 0x35 // BPF_JMP | BPF_JGE | BPF_K
const AND = 0x54 // BPF_ALU | BPF_AND | BPF_K
const RETURN = 0x06 // BPF_RET | BPF_K
const ALLOW = 0x7fff0000
const EPERM = 0x00050000 | 1
const ENOSYS = 0x00050000 | 38
const KILL = 0x80000000
// struct seccomp_data: the low word of the first argument is where a little-endian machine has it
const NUMBER_AT = 0
const ARCH_AT = 4
const FIRST_ARGUMENT_AT = 16

const ret = (value) => [{ code: RETURN, jt: 0, jf: 0, k: value }]
const load = (at) => ({ code: LOAD, jt: 0, jf: 0, k: at })

/** Rules about the first argument, each a program of its own. All of these arguments are 32 bits wide for the kernel. */
const RULES = {
  // CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
  'no-namespaces': () => [
    load(FIRST_ARGUMENT_AT),
    { code: AND, jt: 0, jf: 0, k: 0x7e020000 },
    { code: IF_EQUAL, jt: 0, jf: 1, k: 0 },
    ...ret(ALLOW),
    ...ret(EPERM),
  ],
  // PER_LINUX, PER_LINUX32, with and without UNAME26, and the question what it is
  'known-personality': () => oneOf([0, 8, 0x20000, 0x20008, 0xffffffff].map((value) => [value, value])),
  // Families that Docker leaves: not AF_DECnet, ECONET, RDS.., ALG (kernel crypto), VSOCK (the host of a virtual machine), and none newer than AF_MCTP
  'common-socket': () =>
    oneOf([
      [0, 11],
      [13, 18],
      [21, 22],
      [24, 24],
      [26, 33],
      [35, 36],
      [39, 39],
      [41, 45],
    ]),
}

/** Allow when the first argument is in one of the ranges. */
function oneOf(ranges) {
  const segments = []
  let at = 0
  for (const [first, last] of ranges) {
    if (first > at) segments.push({ start: at, program: ret(EPERM) })
    segments.push({ start: first, program: ret(ALLOW) })
    at = last + 1
  }
  if (at <= 0xffffffff) segments.push({ start: at, program: ret(EPERM) })
  return [load(FIRST_ARGUMENT_AT), ...bisect(merge(segments))]
}

/** Neighbours that do the same become one. */
function merge(segments) {
  const same = (a, b) => JSON.stringify(a.program) === JSON.stringify(b.program)
  return segments.filter((segment, i) => i === 0 || !same(segment, segments[i - 1]))
}

/** The program that runs the segment which the accumulator is in. */
function bisect(segments) {
  if (segments.length === 1) return segments[0].program
  const half = segments.length >> 1
  const low = bisect(segments.slice(0, half))
  const high = bisect(segments.slice(half))
  const start = segments[half].start
  if (low.length <= 255) return [{ code: IF_AT_LEAST, jt: low.length, jf: 0, k: start }, ...low, ...high]
  return [{ code: IF_AT_LEAST, jt: 0, jf: 1, k: start }, { code: JUMP, jt: 0, jf: 0, k: low.length }, ...low, ...high]
}

function parseTable(text) {
  const table = { actions: new Map(), numbers: [] }
  for (const line of text.split('\n')) {
    const [word, ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (word === '') continue
    if (word === 'number') table.numbers.push({ name: names[0], number: Number(names[1]), arch: names[2] })
    else if (word === 'when') addAction(table, names[0], RULES[names[1]]())
    else if (word === 'allow') for (const name of names) addAction(table, name, ret(ALLOW))
    else if (word === 'enosys') for (const name of names) addAction(table, name, ret(ENOSYS))
    else throw new Error(`seccomp table: ${line}`)
  }
  return table
}

function addAction(table, name, program) {
  if (table.actions.has(name)) throw new Error(`seccomp table: ${name} is there twice`)
  table.actions.set(name, program)
}

/** Name -> number, from the kernel's headers and the table's own `number` lines. */
function numbersOf(arch, table) {
  const compiler = process.env.CC ?? 'cc'
  const text = execFileSync(compiler, ['-E', '-dM', '-x', 'c', '-'], { input: `#include <${arch.header}>\n`, encoding: 'utf8' })
  const numbers = new Map()
  // On 64-bit ARM some are defined by way of another: __NR_fcntl is __NR3264_fcntl.
  const macros = new Map([...text.matchAll(/^#define (__NR\w+) (\w+)$/gm)].map(([, macro, value]) => [macro, value]))
  for (const [macro, value] of macros) {
    const number = Number(macros.get(value) ?? value)
    if (macro.startsWith('__NR_') && Number.isInteger(number)) numbers.set(macro.slice('__NR_'.length), number)
  }
  numbers.delete('syscalls') // __NR_syscalls is how many there are
  for (const known of table.numbers.filter((known) => known.arch === undefined || known.arch === arch.name)) {
    const number = numbers.get(known.name) ?? known.number
    if (number !== known.number) throw new Error(`seccomp table: ${known.name} is ${number} here`)
    numbers.set(known.name, number)
  }
  return numbers
}

function programOf(arch, table) {
  const numbers = numbersOf(arch, table)
  const real = [...numbers].filter(([, number]) => number < 0x1000)
  const highest = Math.max(...real.map(([, number]) => number))
  const byNumber = new Map(real.map(([name, number]) => [number, table.actions.get(name) ?? ret(EPERM)]))
  const segments = []
  for (let number = 0; number <= highest; number++) segments.push({ start: number, program: byNumber.get(number) ?? ret(EPERM) })
  // x32 numbers have bit 30 set, so they are past the highest too.
  segments.push({ start: highest + 1, program: ret(ENOSYS) })
  return [load(NUMBER_AT), ...bisect(merge(segments))]
}

/** The program of the architecture that the call was made for; 32-bit programs have their own numbers. */
function filterOf(arches, table) {
  const tests = arches.flatMap((arch) => {
    const program = programOf(arch, table)
    return [{ code: IF_EQUAL, jt: 1, jf: 0, k: arch.audit }, { code: JUMP, jt: 0, jf: 0, k: program.length }, ...program]
  })
  return [load(ARCH_AT), ...tests, ...ret(KILL)]
}

const [tablePath, outputPath] = process.argv.slice(2)
const arches = ARCHES[process.env.TSBUILD_ARCH ?? process.arch]
if (arches === undefined) throw new Error(`no seccomp filter for ${process.arch}`)
const filter = filterOf(arches, parseTable(readFileSync(tablePath, 'utf8')))
if (filter.length > 4096) throw new Error(`filter of ${filter.length} instructions`) // BPF_MAXINSNS
const lines = filter.map(({ code, jt, jf, k }) => `    {0x${code.toString(16)}, ${jt}, ${jf}, 0x${(k >>> 0).toString(16)}},`)
mkdirSync(dirname(outputPath), { recursive: true })
writeFileSync(
  outputPath,
  `// Made by scripts/seccomp.mjs for ${arches.map((arch) => arch.name).join(', ')}.\n#pragma once\n#include <linux/filter.h>\n
namespace tsbuild {\nconstexpr sock_filter kStepFilter[] = {\n${lines.join('\n')}\n};\n}  // namespace tsbuild\n`,
)

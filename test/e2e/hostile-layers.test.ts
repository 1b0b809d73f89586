import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs'
import type { TarMember } from '../../fixtures/tars.ts'
import { CONTROL } from './failing.ts'
import { type HostileSpec, takeHostile } from './hostile-image.ts'
import { provesSound } from './kill-support.ts'
import { leftovers } from './leftovers.ts'
import { type Workbench, withBench } from './workbench.ts'

const SECRET = 'what-only-the-host-knows'
const UP = '../../../../../../../../..'
const link = (path: string, to: string): TarMember => ({ path, flag: '2', link: to })
const hard = (path: string, to: string): TarMember => ({ path, flag: '1', link: to })
const file = (path: string, content = 'PWNED'): TarMember => ({ path, content })
const marked = (path: string, xattrs: Record<string, string>): TarMember => ({
  path,
  flag: path.endsWith('/') ? '5' : '0',
  pax: Object.fromEntries(Object.entries(xattrs).map(([name, value]) => [`SCHILY.xattr.${name}`, value])),
})

const TEN_MIB = 10 << 20
/** A file of `size` bytes that ends with this line, after many empty ones. */
const padded = (path: string, line: string, size: number): TarMember => file(path, `${'\n'.repeat(size - line.length - 1)}${line}\n`)

/** How an attack ends: refused with this line, or the build goes through and everything stayed inside. */
type Outcome = RegExp | 'harmless'
/** Layers by the folder of the host that they are after: it has a file `victim`, and a folder `treasure` with a file `secret`. */
type Layers = (host: string) => readonly (readonly TarMember[])[]

/** Attacks by what a layer holds, and the steps after FROM that spring them (default `RUN ls /`). */
const ATTACKS: readonly [what: string, layers: Layers, outcome: Outcome, steps?: string][] = [
  ['a name with ..', (host) => [[file(`${UP}${host}/victim`)]], /layer/],
  ['an absolute name', (host) => [[file(`${host}/victim`)]], 'harmless'],
  ['a file below a link', (host) => [[link('out', host), file('out/victim')]], /layer .*out/],
  ['a file below a link of a lower layer', (host) => [[link('out', host)], [file('out/victim')]], /layer .*out/],
  ['a file below a link that climbs', (host) => [[link('out', `${UP}${host}`), file('out/victim')]], /layer .*out/],
  ['a link in place of a folder, written to by RUN', (host) => [[link('var', host)]], 'harmless', 'RUN echo PWNED > /var/victim || true'],
  ['a hard link to the host', (host) => [[hard('in', `${host}/victim`)]], /layer .*in/, 'RUN echo PWNED > /in'],
  ['a hard link that climbs', (host) => [[hard('in', `${UP}${host}/victim`)]], /layer .*in/],
  ['a hard link through a link', (host) => [[link('out', host), hard('in', 'out/victim')]], /layer .*in/],
  ['a whiteout below a link', (host) => [[link('out', host)], [file('out/.wh.victim', '')]], 'harmless'],
  ['an opaque mark below a link', (host) => [[link('out', host)], [file('out/.wh..wh..opq', '')]], 'harmless'],
  ['a whiteout of nothing', () => [[file('.wh.', '')]], /layer .*\.wh\./],
  ['a whiteout of .', () => [[file('etc/.wh..', '')]], /layer .*\.wh\./],
  ['a whiteout of ..', () => [[file('etc/.wh...', '')]], /layer .*\.wh\./],
  ['a root that is a link', (host) => [[link('./', host), file('victim')]], /layer/],
  ['the whiteout device itself', () => [[{ path: 'etc/passwd', flag: '3', rdev: [0, 0] }]], /layer .*etc\/passwd/],
  [
    'a disk as device node',
    () => [[{ path: 'disk', flag: '4', mode: 0o666, rdev: [254, 0] }]],
    'harmless',
    'RUN test "$(dd if=/disk bs=512 count=1 2>/dev/null | wc -c)" = 0',
  ],
  [
    'marks of overlayfs',
    () => [
      [
        marked('etc/', { 'user.overlay.opaque': 'y' }),
        marked('fake', { 'user.overlay.metacopy': '', 'user.overlay.redirect': '/bin/busybox' }),
      ],
    ],
    'harmless',
    'RUN test -e /etc/passwd && test ! -s /fake',
  ],
  ['marks of trusted overlayfs', () => [[marked('etc/', { 'trusted.overlay.opaque': 'y' })]], 'harmless', 'RUN test -e /etc/passwd'],
  ['/proc as a link', (host) => [[file('.wh.proc', ''), link('proc', host)]], /proc/],
  ['/sys as a link', (host) => [[file('.wh.sys', ''), link('sys', host)]], /sys/],
  ['/dev as a link', (host) => [[file('.wh.dev', ''), link('dev', host)]], /dev/],
  [
    '/etc as a link',
    (host) => [[file('.wh.etc', ''), link('etc', host)]],
    'harmless',
    'COPY data /etc/victim\nRUN echo PWNED > /etc/other',
  ],
  ['/home as a link', (host) => [[file('.wh.home', ''), link('home', host)]], 'harmless', 'COPY data /home/victim'],
  [
    'resolv.conf and hosts as links',
    (host) => [[link('etc/resolv.conf', `${host}/victim`), link('etc/hosts', `${host}/treasure/secret`)]],
    'harmless',
    'RUN cat /etc/resolv.conf /etc/hosts; echo PWNED > /etc/resolv.conf; echo PWNED > /etc/hosts; true',
  ],
  ['resolv.conf as a fifo', () => [[{ path: 'etc/resolv.conf', flag: '6' }]], /resolv\.conf/],
  ['a shell that is a link to one of the host', () => [[link('bin/sh', '/usr/bin/python3')]], /cannot execute/],
  ['users in a file of the host', (host) => [[link('etc/passwd', `${host}/treasure/secret`)]], /no user "mallory"/, 'USER mallory\nRUN id'],
  ['users in a fifo', () => [[{ path: 'etc/passwd', flag: '6' }]], /mallory|passwd/, 'COPY --chown=mallory data /'],
  ['users in a device', () => [[{ path: 'etc/passwd', flag: '3', rdev: [1, 5] }]], /mallory|passwd/, 'COPY --chown=mallory data /'],
  [
    'users in a loop of links',
    () => [[link('etc/passwd', 'group'), link('etc/group', 'passwd')]],
    /mallory|passwd/,
    'COPY --chown=mallory data /',
  ],
  [
    'users of more than ten MiB',
    () => [[padded('etc/passwd', 'mallory:x:5:5::/:', TEN_MIB + 1)]],
    /etc\/passwd/,
    'COPY --chown=mallory data /',
  ],
  ['groups of more than ten MiB', () => [[padded('etc/group', 'mallory:x:5:', TEN_MIB + 1)]], /etc\/group/, 'USER 5:mallory\nRUN id'],
  [
    'users and groups of ten MiB',
    () => [[padded('etc/passwd', 'mallory:x:5:5::/:', TEN_MIB), padded('etc/group', 'mallory:x:5:', TEN_MIB)]],
    'harmless',
    'COPY --chown=mallory:mallory data /\nUSER mallory\nRUN test "$(stat -c %u:%g /data) $(id -u):$(id -g)" = "5:5 5:5"',
  ],
  [
    'targets of COPY that are links',
    (host) => [[link('out', host), link('one', `${host}/victim`)]],
    'harmless',
    'COPY data /out/victim\nCOPY data /one\nWORKDIR /out/new',
  ],
  [
    'a source of COPY --from that is a link',
    (host) => [[link('one', `${host}/treasure/secret`)]],
    /one/,
    'FROM base\nCOPY --from=hostile /one /\nRUN cat /one',
  ],
  [
    'a source of COPY --from below a link',
    (host) => [[link('out', `${host}/treasure`)]],
    /out/,
    'FROM base\nCOPY --from=hostile /out/secret /\nRUN cat /secret',
  ],
  ['names for a terminal', () => [[file('\x1b[31mred\x9b2J\nnew line')]], 'harmless', 'RUN ls /; cat /*red*'],
  ['a size that lies', () => [[{ ...file('a'), claims: 1 << 30 }]], /layer/],
]

describe('a layer made by an attacker', function () {
  this.timeout(60_000)
  let bench: Workbench
  let host: string
  withBench((made) => {
    bench = made
    host = `${bench.folder}/host`
    bench.write('context/data', 'from the context')
  })
  beforeEach(() => {
    bench.write('host/victim', 'untouched')
    bench.write('host/treasure/secret', SECRET)
    chmodSync(host, 0o711)
  })

  function provesUntouched(): void {
    assert.equal(readFileSync(`${host}/victim`, 'utf8'), 'untouched')
    assert.equal(readFileSync(`${host}/treasure/secret`, 'utf8'), SECRET)
    assert.deepEqual(readdirSync(host).sort(), ['treasure', 'victim'])
    assert.equal(statSync(host).mode & 0o777, 0o711)
  }

  async function attack(spec: HostileSpec, steps: string): Promise<{ status: number | null; stderr: string }> {
    const taken = await takeHostile(bench, spec)
    const ended = taken.status === 0 ? await bench.build(steps.startsWith('FROM') ? steps : `FROM hostile\n${steps}\n`) : taken
    provesUntouched()
    assert.ok(!ended.stderr.includes(SECRET), ended.stderr)
    assert.ok(!CONTROL.test(ended.stderr), JSON.stringify(ended.stderr))
    assert.doesNotMatch(ended.stderr, /internal error/)
    assert.deepEqual(await leftovers(bench), [])
    return ended
  }

  for (const [what, layers, outcome, steps = 'RUN ls /'] of ATTACKS)
    it(`${what}: ${outcome === 'harmless' ? 'stays inside' : 'refused'}`, async () => {
      const { status, stderr } = await attack({ layers: layers(host) }, steps)
      assert.equal(status, outcome === 'harmless' ? 0 : 1, stderr)
      if (outcome !== 'harmless') assert.match(/^tsbuild: (.*)$/m.exec(stderr)?.[1] ?? '', outcome, stderr)
    })

  it('another layer than the config promises: refused, whether it is unpacked or looked into', async () => {
    const spec = { layers: [[file('x')]], diffID: `sha256:${'a'.repeat(64)}` }
    for (const step of ['RUN ls', 'COPY data /x/']) assert.match((await attack(spec, step)).stderr, /^tsbuild: layer sha256:a{64}: /m, step)
  })

  it('leaves a sound store', () => provesSound(bench))
})

const PATH = 'PATH=/bin'
/** Members `config` of an image's config that no builder writes. */
const CONFIGS: readonly [what: string, config: unknown, outcome: Outcome, steps?: string][] = [
  ['a variable without =', { Env: ['ALONE', PATH] }, 'harmless'],
  ['a variable with a line feed', { Env: ['A=1\nLD_PRELOAD=/x', PATH] }, 'harmless'],
  ['empty variables', { Env: ['', '=', '=x', PATH] }, 'harmless'],
  ['a NUL in a variable', { Env: ['A=1\u00002', PATH] }, /zero byte/],
  ['variables that are numbers', { Env: [1, 2] }, /Env/],
  ['a Cmd that is text', { Cmd: 'sh -c ls' }, /Cmd/],
  ['an Entrypoint that is an object', { Entrypoint: { a: 1 } }, /Entrypoint/],
  ['labels that are a list', { Labels: ['a'], Env: [PATH] }, 'harmless'],
  ['a working directory that climbs', { WorkingDir: '../../../../tmp', Env: [PATH] }, 'harmless', 'RUN pwd; ls ..'],
  ['an empty working directory', { WorkingDir: '', Env: [PATH] }, 'harmless', 'RUN test "$PWD" = /'],
  ['a working directory in /proc', { WorkingDir: '/proc/self/fd/7', Env: [PATH] }, /\/proc\/self\/fd\/7/, 'RUN ls -la; ls ../..'],
  ['a user of three parts', { User: '0:0:0', Env: [PATH] }, /0:0/],
  ['a user with a line feed', { User: 'root\nx', Env: [PATH] }, /root/],
  ['a user out of range', { User: '4294967296', Env: [PATH] }, /4294967296/],
  ['a user below zero', { User: '-1', Env: [PATH] }, /-1/],
  ['large labels', { Labels: { a: 'x'.repeat(1 << 20) }, Env: [PATH] }, 'harmless'],
  ['a shell that is none', { Shell: [], Env: [PATH] }, 'harmless'],
  ['prototypes', JSON.parse('{"__proto__":{"polluted":1},"Env":["PATH=/bin"],"Labels":{"__proto__":"x","constructor":"y"}}'), 'harmless'],
]

describe("an image's config made by an attacker", function () {
  this.timeout(60_000)
  let bench: Workbench
  withBench((made) => {
    bench = made
  })

  for (const [what, config, outcome, steps = 'RUN ls /'] of CONFIGS)
    it(`${what}: ${outcome === 'harmless' ? 'no harm' : 'refused'}`, async () => {
      const taken = await takeHostile(bench, { config })
      const ended = taken.status === 0 ? await bench.build(`FROM hostile\n${steps}\n`) : taken
      assert.doesNotMatch(ended.stderr, /internal error/)
      assert.equal(ended.status, outcome === 'harmless' ? 0 : 1, ended.stderr)
      if (outcome !== 'harmless') assert.match(/^tsbuild: (.*)$/m.exec(ended.stderr)?.[1] ?? '', outcome)
    })
})

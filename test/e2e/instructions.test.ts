import assert from 'node:assert/strict'
import { Cli, type ContextFiles } from '../../fixtures/cli.ts'
import { sha256, type TreeEntry } from '../../fixtures/image-tree.ts'

/** What a test says of a path; a string is the content of a regular file, null that nothing is there. */
type Expected = string | null | Partial<TreeEntry & { readonly content: string }>

interface Case {
  readonly name: string
  readonly dockerfile: string
  readonly files?: ContextFiles
  readonly args?: readonly string[]
  readonly tree?: Readonly<Record<string, Expected>>
  /** Fields of the config's `config`; undefined: not there. */
  readonly config?: Readonly<Record<string, unknown>>
  /** The end of `created_by` of the last entries of the history; a trailing `*` marks one that made a layer. */
  readonly history?: readonly string[]
  /** Lines that a command printed. */
  readonly output?: readonly string[]
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const CASES: readonly Case[] = [
  {
    name: 'FROM scratch alone has no files and the default PATH',
    dockerfile: 'FROM scratch\nCOPY a /a\n',
    files: { a: 'one' },
    tree: { a: { content: 'one', mode: '644', owner: '0:0' } },
    config: { Env: [PATH], WorkingDir: '/' },
    history: ['COPY a /a # buildkit*'],
  },
  {
    name: 'FROM goes on from a stage with its files, variables and configuration',
    dockerfile: 'FROM busybox AS base\nENV A=1\nWORKDIR /srv\nUSER 33\nFROM base\nRUN echo "$A $PWD $(id -u)" > /tmp/out\nENV B=$A$A\n',
    tree: { 'tmp/out': '1 /srv 33\n', srv: { type: 'directory', mode: '755', owner: '0:0' } },
    config: { Env: [PATH, 'A=1', 'B=11'], WorkingDir: '/srv', User: '33' },
    history: ['ENV A=1', 'WORKDIR /srv*', 'USER 33', 'RUN /bin/sh -c echo "$A $PWD $(id -u)" > /tmp/out # buildkit*', 'ENV B=11'],
  },
  {
    name: 'ARG before FROM names the base, --build-arg overrides its default, and a stage sees it only when it asks',
    dockerfile: 'ARG BASE=none\nARG WHO=global\nFROM $BASE\nARG WHO\nARG BASE\nRUN echo "$WHO-$BASE-${OTHER-unset}" > /out\n',
    args: ['--build-arg', 'BASE=busybox'],
    tree: { out: 'global-busybox-unset\n' },
    history: [
      'ARG WHO=global',
      'ARG BASE=busybox',
      'RUN |2 WHO=global BASE=busybox /bin/sh -c echo "$WHO-$BASE-${OTHER-unset}" > /out # buildkit*',
    ],
  },
  {
    name: 'ARG is not in the image, ENV is, and ENV wins',
    dockerfile: 'FROM busybox\nARG A=arg\nARG B=arg\nENV B=env\nRUN echo $A $B > /out\n',
    args: ['--build-arg', 'A=given', '--build-arg', 'B=given'],
    tree: { out: 'given env\n' },
    config: { Env: [PATH, 'B=env'] },
  },
  {
    name: 'RUN takes the shell form, the exec form and SHELL',
    dockerfile:
      'FROM busybox\nRUN echo $0 > /shell\nRUN ["/bin/sh", "-c", "printf \'%s|\' \\"$@\\" > /exec", "name", "a b", "$HOME"]\nSHELL ["/bin/sh", "-e", "-u", "-c"]\nRUN echo $- > /flags\nCMD echo hi\n',
    tree: { shell: '/bin/sh\n', exec: 'a b|$HOME|' },
    config: { Shell: ['/bin/sh', '-e', '-u', '-c'], Cmd: ['/bin/sh', '-e', '-u', '-c', 'echo hi'] },
    history: [
      'RUN /bin/sh -c printf \'%s|\' "$@" > /exec name a b $HOME # buildkit*',
      'SHELL [/bin/sh -e -u -c]',
      'RUN /bin/sh -e -u -c echo $- > /flags # buildkit*',
      'CMD ["/bin/sh" "-e" "-u" "-c" "echo hi"]',
    ],
  },
  {
    name: 'RUN has the host name, hosts and default variables of a build, and leaves no stub behind',
    dockerfile:
      'FROM busybox\nUSER daemon\nRUN hostname; grep -c localhost /etc/hosts; cat /etc/resolv.conf >/dev/null && echo resolv; echo $HOME; id\n',
    output: ['buildkitsandbox', '2', 'resolv', '/usr/sbin', 'uid=1(daemon) gid=1(daemon) groups=1(daemon)'],
    tree: { 'etc/hosts': null, 'etc/resolv.conf': null, 'proc/self': null, 'dev/null': null, '.dockerenv': null },
  },
  {
    name: 'RUN that removes, moves and replaces files is in the image as that',
    dockerfile:
      'FROM busybox\nRUN mkdir -p /d/e && echo 1 > /d/e/f && echo 2 > /d/g && ln -s g /d/l && mkfifo /d/p\nRUN rm -r /d/e && mkdir /d/e && echo 3 > /d/e/h && mv /d/g /d/moved && rm /d/l && mkdir /d/l && chmod 2751 /d/l\n',
    tree: {
      'd/e/f': null,
      'd/e/h': '3\n',
      'd/g': null,
      'd/moved': '2\n',
      'd/l': { type: 'directory', mode: '2751' },
      'd/p': { type: 'fifo' },
    },
  },
  {
    name: 'RUN keeps owners, special bits, hard links, sparse files, times before 1970 and any name',
    dockerfile:
      'FROM busybox\nRUN cd /tmp && echo a > a && ln a b && chown 1234:60000 a && chmod 4755 a && ln -s /nowhere link && chown -h 5:6 link && truncate -s 5000000 hole && touch "$(printf \'n\\nl\')" "$(printf \'\\377\')" && mkdir -m 1777 sticky\n',
    tree: {
      'tmp/a': { content: 'a\n', mode: '4755', owner: '1234:60000', sameFileAs: 'tmp/a' },
      'tmp/b': { sameFileAs: 'tmp/a' },
      'tmp/link': { type: 'symlink', link: '/nowhere', owner: '5:6' },
      'tmp/hole': { sha256: sha256(Buffer.alloc(5_000_000)) },
      'tmp/n\nl': '',
      'tmp/\xff': '',
      'tmp/sticky': { type: 'directory', mode: '1777' },
    },
  },
  {
    name: 'COPY takes a file to a name, into a folder, and to a working directory',
    dockerfile: 'FROM busybox\nWORKDIR /w/x\nCOPY a b\nCOPY a dir/\nCOPY a /tmp\nCOPY a .\nCOPY d ./e\nCOPY d/ /f/\n',
    files: { a: 'one', 'd/i': 'inner', 'd/s/j': 'deep' },
    tree: {
      'w/x/b': 'one',
      'w/x/dir/a': 'one',
      'tmp/a': 'one',
      tmp: { type: 'directory', mode: '1777' },
      'w/x/a': 'one',
      'w/x/e/i': 'inner',
      'w/x/e/s/j': 'deep',
      'f/i': 'inner',
      'w/x/e/d': null,
    },
    history: ['COPY d ./e # buildkit*', 'COPY d/ /f/ # buildkit*'],
  },
  {
    name: 'COPY keeps modes, symbolic links in folders, hard links and empty folders, and owns all by root',
    dockerfile: 'FROM scratch\nCOPY . /\n',
    files: {
      x: { content: 'x', mode: 0o4711 },
      'd/empty': null,
      'd/ro': { content: 'r', mode: 0o400 },
      'd/y': { hardlink: 'x' },
      'd/abs': { symlink: '/etc/passwd' },
      'd/rel': { symlink: '../x' },
      'd/private': { directory: true, mode: 0o700 },
    },
    tree: {
      x: { content: 'x', mode: '4711', owner: '0:0' },
      'd/empty': { type: 'directory', mode: '755' },
      'd/ro': { mode: '400' },
      'd/y': { content: 'x', sameFileAs: 'd/y' },
      'd/abs': { type: 'symlink', link: '/etc/passwd' },
      'd/rel': { type: 'symlink', link: '../x' },
      'd/private': { mode: '700' },
    },
  },
  {
    name: 'COPY follows a link that is named itself',
    dockerfile: 'FROM scratch\nCOPY link dirlink /out/\n',
    files: { real: 'real', link: { symlink: 'real' }, 'dir/in': 'in', dirlink: { symlink: 'dir' } },
    tree: { 'out/link': 'real', 'out/in': 'in' },
  },
  {
    name: 'COPY wildcards are of one folder, and none of them is no error',
    dockerfile: 'FROM scratch\nCOPY *.txt sub/*/x? /out/\nCOPY nothing* /none/\nCOPY [bc].txt /class/\n',
    files: { 'a.txt': 'a', 'b.txt': 'b', 'c.md': 'c', 'sub/1/x1': '1', 'sub/2/x2': '2', 'sub/2/y2': 'y', 'sub/z.txt': 'z' },
    tree: {
      'out/a.txt': 'a',
      'out/b.txt': 'b',
      'out/x1': '1',
      'out/x2': '2',
      'out/y2': null,
      'out/z.txt': null,
      'out/c.md': null,
      'class/b.txt': 'b',
    },
  },
  {
    name: 'COPY takes names with spaces in the JSON form, escaped wildcards and other alphabets',
    dockerfile: 'FROM scratch\nCOPY ["a b", "star[*]", "grün", "/out/"]\n',
    files: { 'a b': 'space', 'star*': 'star', stars: 'no', grün: 'green' },
    tree: { 'out/a b': 'space', 'out/star*': 'star', 'out/stars': null, [Buffer.from('out/grün').toString('latin1')]: 'green' },
  },
  {
    name: 'COPY --chown by number, by name, with a group, and with a variable',
    dockerfile:
      'FROM busybox\nARG who=daemon\nCOPY --chown=5 a /1\nCOPY --chown=www-data a /2\nCOPY --chown=7:users a /3\nCOPY --chown=$who:bin a /new/dir/4\nCOPY --chown=0:9 d /d\n',
    files: { a: 'a', 'd/e/f': 'f' },
    tree: {
      1: { owner: '5:5' },
      2: { owner: '33:33' },
      3: { owner: '7:100' },
      'new/dir/4': { owner: '1:2' },
      new: { type: 'directory', owner: '1:2', mode: '755' },
      d: { owner: '0:9' },
      'd/e/f': { owner: '0:9' },
    },
    history: ['COPY --chown=daemon:bin a /new/dir/4 # buildkit*', 'COPY --chown=0:9 d /d # buildkit*'],
  },
  {
    name: 'COPY --chmod in octal counts for folders made on the way, symbolic for what is copied',
    dockerfile: 'FROM scratch\nCOPY --chmod=0711 a /new/a\nCOPY --chmod=go-r,u+x d /d\n',
    files: { a: 'a', 'd/f': { content: 'f', mode: 0o644 } },
    tree: { 'new/a': { mode: '711' }, new: { type: 'directory', mode: '711' }, 'd/f': { mode: '700' } },
    history: ['COPY --chmod=0711 a /new/a # buildkit*', 'COPY --chmod=go-r,u+x d /d # buildkit*'],
  },
  {
    name: 'COPY --from a stage keeps owners; by name in any case, by number, and of an image',
    dockerfile:
      'FROM busybox AS Build\nRUN mkdir /o && echo 1 > /o/f && chown -R 42:43 /o\nFROM scratch\nCOPY --from=BUILD /o /o\nCOPY --from=0 --chown=1:2 o/f /p/\nCOPY --from=busybox /etc/passwd /etc/\n',
    tree: { 'o/f': { content: '1\n', owner: '42:43' }, o: { owner: '42:43' }, 'p/f': { owner: '1:2' }, 'etc/passwd': { owner: '0:0' } },
    config: { Env: [PATH] },
  },
  {
    name: 'COPY --from resolves links in the stage, below its root',
    dockerfile:
      'FROM busybox AS s\nRUN mkdir -p /real/in && echo x > /real/in/f && ln -s /real /abs && ln -s ../../../../real /rel\nFROM scratch\nCOPY --from=s /abs/in/f /1\nCOPY --from=s /rel/in /2\n',
    tree: { 1: 'x\n', '2/f': 'x\n' },
  },
  {
    name: 'COPY onto links of the image stays in the image',
    dockerfile:
      'FROM busybox\nRUN mkdir /data && ln -s /data /link && ln -s ../../../../data /up && ln -s /data/new /dangling\nCOPY a /link/\nCOPY a /up/b\nCOPY a /dangling\n',
    files: { a: 'a' },
    tree: { link: { type: 'symlink' }, up: { type: 'symlink' }, 'data/a': 'a', 'data/b': 'a', 'data/new': 'a' },
  },
  {
    name: 'COPY over a folder merges, and the later source wins',
    dockerfile: 'FROM busybox\nRUN mkdir -m 700 /d && mkdir -m 700 /d/sub && echo old > /d/f && echo stays > /d/g\nCOPY one two /d/\n',
    files: { 'one/f': '1', 'one/sub/x': 'x', 'two/f': '2' },
    tree: { 'd/f': '2', 'd/g': 'stays\n', 'd/sub/x': 'x', 'd/sub': { mode: '755' }, d: { mode: '700' } },
  },
  {
    name: 'COPY and RUN take heredocs, expanded or not',
    dockerfile:
      'FROM busybox\nENV A=value\nCOPY <<one <<"two" /h/\n$A \\$A\none\n$A\ntwo\nCOPY --chown=3:4 --chmod=750 <<-EOF /h/three\n\tindented\nEOF\nRUN <<EOF\nset -e\ncat /h/one > /out\necho "$A" >> /out\nEOF\n',
    tree: {
      'h/one': { content: 'value $A\n', mode: '644', owner: '0:0' },
      'h/two': '$A\n',
      'h/three': { content: 'indented\n', mode: '750', owner: '3:4' },
      out: 'value $A\nvalue\n',
    },
    history: [
      'COPY <<one <<two /h/ # buildkit*',
      'COPY --chown=3:4 --chmod=750 <<EOF /h/three # buildkit*',
      'RUN /bin/sh -c set -e\ncat /h/one > /out\necho "$A" >> /out\n # buildkit*',
    ],
  },
  {
    name: 'ADD takes local files as COPY does',
    dockerfile: 'FROM scratch\nADD --chown=8 a /x/\nADD --chmod=600 d /y\n',
    files: { a: 'a', 'd/f': 'f' },
    tree: { 'x/a': { content: 'a', owner: '8:8' }, 'y/f': { mode: '600' } },
    history: ['ADD --chown=8 a /x/ # buildkit*', 'ADD --chmod=600 d /y # buildkit*'],
  },
  {
    name: 'ENV uses the variables before its line, and keeps quotes and spaces as written',
    dockerfile:
      'FROM busybox\nENV a=1 b=$a\nENV a=2 b="x $a y" c=\'$a\' d=${z:-dflt} e=${a:+set}\nENV legacy one  two\nRUN echo "$a|$b|$c|$d|$e|$legacy" > /out\n',
    tree: { out: '2|x 1 y|$a|dflt|set|one  two\n' },
    config: { Env: [PATH, 'a=2', 'b=x 1 y', 'c=$a', 'd=dflt', 'e=set', 'legacy=one  two'] },
  },
  {
    name: 'WORKDIR is made, belongs to the user, and is relative to the one before',
    dockerfile: 'FROM busybox\nWORKDIR /a\nUSER 33:100\nWORKDIR b/../c\nWORKDIR /tmp\nRUN pwd > out\nENV D=/env\nWORKDIR $D\n',
    tree: {
      a: { owner: '0:0', mode: '755' },
      'a/c': { owner: '33:100' },
      'a/b': null,
      'tmp/out': { content: '/tmp\n', owner: '33:100' },
      env: { owner: '33:100' },
    },
    config: { WorkingDir: '/env', User: '33:100' },
    history: [
      'WORKDIR /a*',
      'USER 33:100',
      'WORKDIR /a/c*',
      'WORKDIR /tmp*',
      'RUN /bin/sh -c pwd > out # buildkit*',
      'ENV D=/env',
      'WORKDIR /env*',
    ],
  },
  {
    name: 'USER by name has its groups, by number what passwd says, and an explicit group replaces all',
    dockerfile:
      'FROM busybox\nRUN echo ann:x:1500:1500::/home/ann:/bin/sh >> /etc/passwd && echo ann:x:1500: >> /etc/group && echo extra:x:1700:bin,ann >> /etc/group\nUSER ann\nRUN id; echo $HOME\nUSER ann:users\nRUN id\nUSER 1500\nRUN id\nUSER 4000\nRUN id -u; id -g\nUSER 4000:4001\nRUN id -u; id -g\n',
    output: [
      'uid=1500(ann) gid=1500(ann) groups=1500(ann),1700(extra)',
      '/home/ann',
      'uid=1500(ann) gid=100(users) groups=100(users)',
      'uid=1500(ann) gid=1500(ann) groups=1500(ann),1700(extra)',
      '4000',
      '0',
      '4000',
      '4001',
    ],
    config: { User: '4000:4001' },
  },
  {
    name: 'LABEL, EXPOSE, VOLUME, STOPSIGNAL, MAINTAINER and HEALTHCHECK are in the configuration as BuildKit writes them',
    dockerfile:
      'FROM busybox\nLABEL a=1 "b c"="d e"\nLABEL a=2\nARG P="80 443/udp"\nEXPOSE $P 9000\nVOLUME /v $P\nVOLUME ["/w w"]\nSTOPSIGNAL SIGKILL\nMAINTAINER Ann <ann@example.org>\nHEALTHCHECK --interval=1m30s --timeout=2s --retries=3 CMD wget -q localhost\n',
    config: {
      ExposedPorts: { '443/udp': {}, '80/tcp': {}, '9000/tcp': {} },
      Volumes: { '/v': {}, '/w w': {}, '80 443/udp': {} },
      StopSignal: 'SIGKILL',
      Healthcheck: { Test: ['CMD-SHELL', 'wget -q localhost'], Interval: 90_000_000_000, Timeout: 2_000_000_000, Retries: 3 },
    },
    history: [
      'LABEL a=1 b c=d e',
      'LABEL a=2',
      'ARG P=80 443/udp',
      'EXPOSE [$P 9000]',
      'VOLUME [/v 80 443/udp]',
      'VOLUME [/w w]',
      'STOPSIGNAL SIGKILL',
      'MAINTAINER Ann <ann@example.org>',
      'HEALTHCHECK {Test:[CMD-SHELL wget -q localhost] Interval:1m30s Timeout:2s StartPeriod:0s StartInterval:0s Retries:3}',
    ],
  },
  {
    name: 'CMD and ENTRYPOINT: exec and shell form, and an ENTRYPOINT that clears the inherited CMD',
    dockerfile: 'FROM busybox AS a\nENTRYPOINT ["/x", "y z"]\nFROM a AS b\nCMD echo $HOME\nFROM b\nHEALTHCHECK NONE\n',
    config: { Entrypoint: ['/x', 'y z'], Cmd: ['/bin/sh', '-c', 'echo $HOME'], ArgsEscaped: true, Healthcheck: { Test: ['NONE'] } },
    history: [
      'ENTRYPOINT ["/x" "y z"]',
      'CMD ["/bin/sh" "-c" "echo $HOME"]',
      'HEALTHCHECK {Test:[NONE] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}',
    ],
  },
  {
    name: 'ENTRYPOINT clears the CMD of the base, not one of its own stage',
    dockerfile: 'FROM busybox\nENTRYPOINT ["/e"]\n',
    config: { Entrypoint: ['/e'], Cmd: undefined },
  },
  {
    name: 'comments, continuations, a byte order mark and CRLF are read as Docker does',
    dockerfile: '\ufeff# comment\r\nFROM busybox\r\n  # inside\r\nRUN echo a \\\r\n# skipped\r\n  b > /out\r\nENV X=1 \\\r\n  Y=2\r\n',
    tree: { out: 'a b\n' },
    config: { Env: [PATH, 'X=1', 'Y=2'] },
  },
  {
    name: 'escape=` makes the backslash an ordinary character',
    dockerfile: '# escape=`\nFROM busybox\nRUN echo one `\n two > /out\nENV P=C:\\dir\n',
    tree: { out: 'one two\n' },
    config: { Env: [PATH, 'P=C:\\dir'] },
  },
]

describe('tsbuild build: what each instruction makes', () => {
  let cli: Cli
  before(async () => {
    cli = await Cli.withBusybox('instructions')
  })
  after(() => cli[Symbol.asyncDispose]())

  for (const one of CASES)
    it(one.name, async () => {
      const { dockerfile, files = {}, args = [] } = one
      const built = await cli.build({ dockerfile, files }, { args })
      const { tree, config } = built.image
      for (const [path, want] of Object.entries(one.tree ?? {})) assertEntry(path, tree.get(path), want)
      for (const [field, want] of Object.entries(one.config ?? {})) assert.deepEqual(config.config[field], want, field)
      if (one.history !== undefined) assert.deepEqual(historyOf(config.history).slice(-one.history.length), one.history)
      if (one.output !== undefined) assert.deepEqual(outputLines(built.stderr), one.output)
      assert.equal(config.history.filter((entry) => entry.empty_layer !== true).length, config.rootfs.diff_ids.length)
    })
})

function assertEntry(path: string, entry: TreeEntry | undefined, want: Expected): void {
  if (want === null) return assert.equal(entry, undefined, `/${path} is there`)
  const { content, ...fields } = typeof want === 'string' ? { content: want } : want
  assert.ok(entry !== undefined, `/${path} is not there`)
  const expected = content === undefined ? fields : { ...fields, type: 'file', sha256: sha256(content) }
  const seen = Object.fromEntries(Object.keys(expected).map((key) => [key, entry[key as keyof TreeEntry]]))
  assert.deepEqual(seen, expected, `/${path}`)
}

function historyOf(history: readonly { created_by?: string; empty_layer?: boolean }[]): string[] {
  return history.map((entry) => `${entry.created_by}${entry.empty_layer === true ? '' : '*'}`)
}

/** What commands printed, without the number and the time before it. */
function outputLines(progress: string): string[] {
  return [...progress.matchAll(/^#\d+ \d+\.\d{3} (.*)$/gm)].map(([, line]) => line ?? '')
}

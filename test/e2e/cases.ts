import { gzipSync } from 'node:zlib'
import type { ContextFiles } from '../../fixtures/cli.ts'
import { sha256, type TreeEntry } from '../../fixtures/image-tree.ts'
import { tarOf } from '../../fixtures/tars.ts'
import { COPY_CASES } from './copy-cases.ts'
import { lines } from './lines.ts'

/** What a test says of a path; a string is the content of a regular file, null that nothing is there. */
export type Expected = string | null | Partial<TreeEntry & { readonly content: string }>

/** A Dockerfile, and what its image must be. */
export interface Case {
  readonly name: string
  readonly dockerfile: string
  readonly files?: ContextFiles
  readonly args?: readonly string[]
  readonly tree?: Readonly<Record<string, Expected>>
  /** Fields of the config's `config`; undefined: not there. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Fields beside the config's `config`. */
  readonly top?: Readonly<Record<string, unknown>>
  /** The end of `created_by` of the last entries of the history; a trailing `*` marks one that made a layer. */
  readonly history?: readonly string[]
  /** Lines that a command printed. */
  readonly output?: readonly string[]
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const ARCHIVE = tarOf([
  { path: 'd/', flag: '5', mode: 0o750, uid: 7, gid: 8 },
  { path: 'd/f', content: 'new', mode: 0o640, uid: 7, gid: 8 },
  { path: 'd/hard', flag: '1', link: 'd/f', mode: 0o640, uid: 7, gid: 8 },
  { path: 'd/soft', flag: '2', link: '../../outside' },
])
export const CASES: readonly Case[] = [
  {
    name: 'FROM scratch alone has no files and the default PATH',
    dockerfile: lines('FROM scratch', 'COPY a /a'),
    files: { a: 'one' },
    tree: { a: { content: 'one', mode: '644', owner: '0:0' } },
    config: { Env: [PATH], WorkingDir: '/' },
    history: ['COPY a /a # buildkit*'],
  },
  {
    name: 'FROM goes on from a stage with its files, variables and configuration',
    dockerfile: lines(
      'FROM busybox AS base',
      'ENV A=1',
      'WORKDIR /srv',
      'USER 33',
      'FROM base',
      'RUN echo "$A $PWD $(id -u)" > /tmp/out',
      'ENV B=$A$A',
    ),
    tree: { 'tmp/out': '1 /srv 33\n', srv: { type: 'directory', mode: '755', owner: '0:0' } },
    config: { Env: [PATH, 'A=1', 'B=11'], WorkingDir: '/srv', User: '33' },
    history: ['ENV A=1', 'WORKDIR /srv*', 'USER 33', 'RUN /bin/sh -c echo "$A $PWD $(id -u)" > /tmp/out # buildkit*', 'ENV B=11'],
  },
  {
    name: 'ARG before FROM names the base, --build-arg overrides its default, and a stage sees it only when it asks',
    dockerfile: lines(
      'ARG BASE=none',
      'ARG WHO=global',
      'FROM $BASE',
      'ARG WHO',
      'ARG BASE',
      'RUN echo "$WHO-$BASE-${OTHER-unset}" > /out',
    ),
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
    dockerfile: lines('FROM busybox', 'ARG A=arg', 'ARG B=arg', 'ENV B=env', 'RUN echo $A $B > /out'),
    args: ['--build-arg', 'A=given', '--build-arg', 'B=given'],
    tree: { out: 'given env\n' },
    config: { Env: [PATH, 'B=env'] },
  },
  {
    name: 'RUN takes the shell form, the exec form and SHELL',
    dockerfile: lines(
      'FROM busybox',
      'RUN echo $0 > /shell',
      'RUN ["/bin/sh", "-c", "printf \'%s|\' \\"$@\\" > /exec", "name", "a b", "$HOME"]',
      'SHELL ["/bin/sh", "-e", "-u", "-c"]',
      'RUN echo $- > /flags',
      'CMD echo hi',
    ),
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
    dockerfile: lines(
      'FROM busybox',
      'USER daemon',
      'RUN hostname; grep -c localhost /etc/hosts; cat /etc/resolv.conf >/dev/null && echo resolv; echo $HOME; id',
    ),
    output: ['buildkitsandbox', '2', 'resolv', '/usr/sbin', 'uid=1(daemon) gid=1(daemon) groups=1(daemon)'],
    tree: { 'etc/hosts': null, 'etc/resolv.conf': null, 'proc/self': null, 'dev/null': null, '.dockerenv': null },
  },
  {
    name: 'RUN that removes, moves and replaces files is in the image as that',
    dockerfile: lines(
      'FROM busybox',
      'RUN mkdir -p /d/e && echo 1 > /d/e/f && echo 2 > /d/g && ln -s g /d/l && mkfifo /d/p',
      'RUN rm -r /d/e && mkdir /d/e && echo 3 > /d/e/h && mv /d/g /d/moved && rm /d/l && mkdir /d/l && chmod 2751 /d/l',
    ),
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
    dockerfile: lines(
      'FROM busybox',
      'RUN cd /tmp && echo a > a && ln a b && chown 1234:60000 a && chmod 4755 a && ln -s /nowhere link && chown -h 5:6 link && truncate -s 5000000 hole && touch "$(printf \'n\\nl\')" "$(printf \'\\377\')" && mkdir -m 1777 sticky',
    ),
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
    dockerfile: lines('FROM busybox', 'WORKDIR /w/x', 'COPY a b', 'COPY a dir/', 'COPY a /tmp', 'COPY a .', 'COPY d ./e', 'COPY d/ /f/'),
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
    dockerfile: lines('FROM scratch', 'COPY . /'),
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
    dockerfile: lines('FROM scratch', 'COPY link dirlink /out/'),
    files: { real: 'real', link: { symlink: 'real' }, 'dir/in': 'in', dirlink: { symlink: 'dir' } },
    tree: { 'out/link': 'real', 'out/in': 'in' },
  },
  {
    name: 'COPY wildcards are of one folder, and none of them is no error',
    dockerfile: lines('FROM scratch', 'COPY *.txt sub/*/x? /out/', 'COPY nothing* /none/', 'COPY [bc].txt /class/'),
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
    dockerfile: lines('FROM scratch', 'COPY ["a b", "star[*]", "grün", "/out/"]'),
    files: { 'a b': 'space', 'star*': 'star', stars: 'no', grün: 'green' },
    tree: { 'out/a b': 'space', 'out/star*': 'star', 'out/stars': null, [Buffer.from('out/grün').toString('latin1')]: 'green' },
  },
  {
    name: 'COPY --chown by number, by name, with a group, and with a variable',
    dockerfile: lines(
      'FROM busybox',
      'ARG who=daemon',
      'COPY --chown=5 a /1',
      'COPY --chown=www-data a /2',
      'COPY --chown=7:users a /3',
      'COPY --chown=$who:bin a /new/dir/4',
      'COPY --chown=0:9 d /d',
    ),
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
    dockerfile: lines('FROM scratch', 'COPY --chmod=0711 a /new/a', 'COPY --chmod=go-r,u+x d /d'),
    files: { a: 'a', 'd/f': { content: 'f', mode: 0o644 } },
    tree: { 'new/a': { mode: '711' }, new: { type: 'directory', mode: '711' }, 'd/f': { mode: '700' } },
    history: ['COPY --chmod=0711 a /new/a # buildkit*', 'COPY --chmod=go-r,u+x d /d # buildkit*'],
  },
  {
    name: 'COPY --from a stage keeps owners; by name in any case, by number, and of an image',
    dockerfile: lines(
      'FROM busybox AS Build',
      'RUN mkdir /o && echo 1 > /o/f && chown -R 42:43 /o',
      'FROM scratch',
      'COPY --from=BUILD /o /o',
      'COPY --from=0 --chown=1:2 o/f /p/',
      'COPY --from=busybox /etc/passwd /etc/',
    ),
    tree: { 'o/f': { content: '1\n', owner: '42:43' }, o: { owner: '0:0' }, 'p/f': { owner: '1:2' }, 'etc/passwd': { owner: '0:0' } },
    config: { Env: [PATH] },
  },
  {
    name: 'COPY --from resolves links in the stage, below its root',
    dockerfile: lines(
      'FROM busybox AS s',
      'RUN mkdir -p /real/in && echo x > /real/in/f && ln -s /real /abs && ln -s ../../../../real /rel',
      'FROM scratch',
      'COPY --from=s /abs/in/f /1',
      'COPY --from=s /rel/in /2',
    ),
    tree: { 1: 'x\n', '2/f': 'x\n' },
  },
  {
    name: 'COPY onto links of the image stays in the image',
    dockerfile: lines(
      'FROM busybox',
      'RUN mkdir /data && ln -s /data /link && ln -s ../../../../data /up && ln -s /data/new /dangling',
      'COPY a /link/',
      'COPY a /up/b',
      'COPY a /dangling',
    ),
    files: { a: 'a' },
    tree: { link: { type: 'symlink' }, up: { type: 'symlink' }, 'data/a': 'a', 'data/b': 'a', 'data/new': 'a' },
  },
  {
    name: 'COPY over a folder merges, and the later source wins',
    dockerfile: lines(
      'FROM busybox',
      'RUN mkdir -m 700 /d && mkdir -m 700 /d/sub && echo old > /d/f && echo stays > /d/g',
      'COPY one two /d/',
    ),
    files: { 'one/f': '1', 'one/sub/x': 'x', 'two/f': '2' },
    tree: { 'd/f': '2', 'd/g': 'stays\n', 'd/sub/x': 'x', 'd/sub': { mode: '755' }, d: { mode: '700' } },
  },
  {
    name: 'COPY and RUN take heredocs, expanded or not',
    dockerfile: lines(
      'FROM busybox',
      'ENV A=value',
      'COPY <<one <<"two" /h/',
      '$A \\$A',
      'one',
      '$A',
      'two',
      'COPY --chown=3:4 --chmod=750 <<-EOF /h/three',
      '\tindented',
      'EOF',
      'RUN <<EOF',
      'set -e',
      'cat /h/one > /out',
      'echo "$A" >> /out',
      'EOF',
    ),
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
    dockerfile: lines('FROM scratch', 'ADD --chown=8 a /x/', 'ADD --chmod=600 d /y'),
    files: { a: 'a', 'd/f': 'f' },
    tree: { 'x/a': { content: 'a', owner: '8:8' }, 'y/f': { mode: '600' } },
    history: ['ADD --chown=8 a /x/ # buildkit*', 'ADD --chmod=600 d /y # buildkit*'],
  },
  {
    name: 'ENV uses the variables before its line, and keeps quotes and spaces as written',
    dockerfile: lines(
      'FROM busybox',
      'ENV a=1 b=$a',
      'ENV a=2 b="x $a y" c=\'$a\' d=${z:-dflt} e=${a:+set}',
      'ENV legacy one  two',
      'RUN echo "$a|$b|$c|$d|$e|$legacy" > /out',
    ),
    tree: { out: '2|x 1 y|$a|dflt|set|one  two\n' },
    config: { Env: [PATH, 'a=2', 'b=x 1 y', 'c=$a', 'd=dflt', 'e=set', 'legacy=one  two'] },
  },
  {
    name: 'WORKDIR is made, belongs to the user, and is relative to the one before',
    dockerfile: lines(
      'FROM busybox',
      'WORKDIR /a',
      'USER 33:100',
      'WORKDIR b/../c',
      'WORKDIR /tmp',
      'RUN pwd > out',
      'ENV D=/env',
      'WORKDIR $D',
    ),
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
    dockerfile: lines(
      'FROM busybox',
      'RUN echo ann:x:1500:1500::/home/ann:/bin/sh >> /etc/passwd && echo ann:x:1500: >> /etc/group && echo extra:x:1700:bin,ann >> /etc/group',
      'USER ann',
      'RUN id; echo $HOME',
      'USER ann:users',
      'RUN id',
      'USER 1500',
      'RUN id',
      'USER 4000',
      'RUN id -u; id -g',
      'USER 4000:4001',
      'RUN id -u; id -g',
    ),
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
    dockerfile: lines(
      'FROM busybox',
      'LABEL a=1 "b c"="d e"',
      'LABEL a=2',
      'ARG P="80 443/udp"',
      'EXPOSE $P 9000',
      'VOLUME /v $P',
      'VOLUME ["/w w"]',
      'STOPSIGNAL SIGKILL',
      'MAINTAINER Ann <ann@example.org>',
      'HEALTHCHECK --interval=1m30s --timeout=2s --retries=3 CMD wget -q localhost',
    ),
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
    dockerfile: lines('FROM busybox AS a', 'ENTRYPOINT ["/x", "y z"]', 'FROM a AS b', 'CMD echo $HOME', 'FROM b', 'HEALTHCHECK NONE'),
    config: { Entrypoint: ['/x', 'y z'], Cmd: ['/bin/sh', '-c', 'echo $HOME'], ArgsEscaped: true, Healthcheck: { Test: ['NONE'] } },
    history: [
      'ENTRYPOINT ["/x" "y z"]',
      'CMD ["/bin/sh" "-c" "echo $HOME"]',
      'HEALTHCHECK {Test:[NONE] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}',
    ],
  },
  {
    name: 'ENTRYPOINT clears the CMD of the base, not one of its own stage',
    dockerfile: lines('FROM busybox', 'ENTRYPOINT ["/e"]'),
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
    dockerfile: lines('# escape=`', 'FROM busybox', 'RUN echo one `', ' two > /out', 'ENV P=C:\\dir'),
    tree: { out: 'one two\n' },
    config: { Env: [PATH, 'P=C:\\dir'] },
  },
  {
    name: 'COPY . takes the whole context but what .dockerignore says',
    dockerfile: lines('FROM busybox', 'WORKDIR /app', 'COPY . .'),
    files: { '.dockerignore': '**/*.log\n!keep.log\nbuild\n', 'a.log': '', 'keep.log': 'k', 'build/x': 'x', 'lib/b.log': '', 'lib/c': 'c' },
    tree: { 'app/lib/c': 'c', 'app/keep.log': 'k', 'app/a.log': null, 'app/build': null, 'app/lib/b.log': null, 'app/.dockerignore': {} },
  },
  {
    name: 'a stage copied whole keeps links, fifos, modes, owners and hard links',
    dockerfile: lines(
      'FROM busybox AS s',
      'RUN mkdir -p /t/a/b && cd /t && echo 1 > a/f && ln a/f a/b/g && ln -s ../f a/b/s && mkfifo -m 600 a/p && chown 3:4 a/b',
      'RUN chmod 3770 /t/a && mkdir /t/empty && chmod 2555 /t/empty && chown -h 9:9 /t/a/b/s',
      'FROM scratch',
      'COPY --from=s /t /t',
    ),
    tree: {
      't/a': { mode: '3770' },
      't/a/b': { owner: '3:4' },
      't/a/b/g': { sameFileAs: 't/a/b/g' },
      't/a/f': { sameFileAs: 't/a/b/g' },
      't/a/b/s': { type: 'symlink', link: '../f', owner: '9:9' },
      't/a/p': { type: 'fifo', mode: '600' },
      't/empty': { type: 'directory', mode: '2555' },
    },
  },
  {
    name: 'a folder of the base that is removed, moved or made anew',
    dockerfile: lines(
      'FROM busybox AS base',
      'RUN mkdir -p /a/x /b/x /c/x && echo 1 > /a/x/f && echo 1 > /b/x/f && echo 1 > /c/x/f && echo 1 > /c/g',
      'FROM base',
      'RUN rm -rf /a && mv /b /bb && rm -rf /c && mkdir -p /c/x && echo 2 > /c/x/h',
      'RUN rm -rf /bb/x && ln -s /c /bb/x',
    ),
    tree: {
      a: null,
      b: null,
      bb: { type: 'directory' },
      'bb/x': { type: 'symlink', link: '/c' },
      'c/x/h': '2\n',
      'c/x/f': null,
      'c/g': null,
    },
  },
  {
    name: 'a file of the base whose mode, owner or time alone changes',
    dockerfile: lines(
      'FROM busybox',
      'RUN chmod 600 /etc/passwd && chown 5:5 /etc/group && touch -d 1960-02-03 /etc',
      'RUN chown 7 /var/tmp',
    ),
    tree: { 'etc/passwd': { mode: '600', owner: '0:0' }, 'etc/group': { owner: '5:5' }, 'var/tmp': { owner: '7:0', mode: '1777' } },
  },
  {
    name: 'a hard link of the base that is broken, and one that is made anew',
    dockerfile: lines(
      'FROM busybox',
      'RUN echo 1 > /a && ln /a /b && ln /a /c',
      'RUN rm /b && echo 2 > /b && ln /c /d',
      'RUN echo 3 >> /a',
    ),
    tree: { b: '2\n', a: '1\n3\n', c: {}, d: {} },
  },
  {
    name: 'names and links longer than a tar header has room for',
    dockerfile: lines(
      'FROM busybox',
      `RUN d=/$(printf '%090d' 1)/$(printf '%0120d' 2) && mkdir -p $d && echo x > $d/$(printf '%0200d' 3) && ln -s $d/$(printf '%0200d' 3) /long`,
    ),
    tree: {
      [`${'1'.padStart(90, '0')}/${'2'.padStart(120, '0')}/${'3'.padStart(200, '0')}`]: 'x\n',
      long: { link: `/${'1'.padStart(90, '0')}/${'2'.padStart(120, '0')}/${'3'.padStart(200, '0')}` },
    },
  },
  {
    name: 'ids up to the end of a range of 65536',
    dockerfile: lines('FROM busybox', 'RUN touch /a /b && chown 65534:65534 /a && chown 65535 /b', 'COPY --chown=65535:1 f /c'),
    files: { f: 'f' },
    tree: { a: { owner: '65534:65534' }, b: { owner: '65535:0' }, c: { owner: '65535:1' } },
  },
  {
    name: 'files written below a VOLUME stay',
    dockerfile: lines('FROM busybox', 'RUN mkdir /v && echo 1 > /v/before', 'VOLUME /v', 'RUN echo 2 > /v/after', 'COPY f /v/'),
    files: { f: 'f' },
    tree: { 'v/before': '1\n', 'v/after': '2\n', 'v/f': 'f' },
    config: { Volumes: { '/v': {} } },
  },
  {
    name: 'COPY replaces a file, and a link that it is named by is followed',
    dockerfile: lines(
      'FROM busybox',
      'RUN echo old > /plain && chmod 600 /plain && echo old > /real && ln -s real /link && ln /real /hard',
      'COPY new /plain',
      'COPY new /link',
    ),
    files: { new: { content: 'new', mode: 0o755 } },
    tree: { plain: { content: 'new', mode: '755' }, real: { content: 'new', mode: '755' }, link: { type: 'symlink' }, hard: 'old\n' },
  },
  {
    name: 'ENV may hold percent signs, dollars, quotes and equals signs, and replace PATH',
    dockerfile: lines(
      'FROM busybox',
      `ENV P=100%d D=\\$HOME Q="it's" E=a=b=c`,
      'ENV PATH=/opt/bin:$PATH LONG="two\\',
      '  lines"',
      'RUN printf "%s\\n" "$P" "$D" "$Q" "$E" "$PATH" > /out',
    ),
    tree: { out: `100%d\n$HOME\nit's\na=b=c\n/opt/bin:${PATH.slice(5)}\n` },
    config: { Env: [`PATH=/opt/bin:${PATH.slice(5)}`, 'P=100%d', 'D=$HOME', "Q=it's", 'E=a=b=c', 'LONG=two  lines'] },
  },
  {
    name: 'a stage that only an unused one needs is not built',
    dockerfile: lines(
      'FROM busybox AS broken',
      'RUN false',
      'FROM broken',
      'RUN true',
      'FROM busybox AS good',
      'RUN echo > /good',
      'FROM good',
      'RUN echo > /last',
    ),
    tree: { good: {}, last: {} },
  },
  {
    name: 'a step that changes nothing has an empty layer',
    dockerfile: lines('FROM busybox', 'RUN true', 'RUN cat /etc/passwd > /dev/null', 'WORKDIR /tmp'),
    tree: { 'dev/null': null },
    history: ['RUN /bin/sh -c true # buildkit*', 'RUN /bin/sh -c cat /etc/passwd > /dev/null # buildkit*', 'WORKDIR /tmp*'],
  },
  {
    name: 'what a step writes below /dev, /proc, /sys and /run/lock stays out or in as with Docker',
    dockerfile: lines('FROM busybox', 'RUN echo x > /dev/shm/x; mkdir -p /run/app && echo pid > /run/app/pid; ls /proc/self > /dev/null'),
    tree: { 'dev/shm': null, 'dev/shm/x': null, 'run/app/pid': 'pid\n', 'proc/1': null },
  },
  {
    name: 'ADD unpacks local archives by what they hold, COPY never',
    dockerfile: lines(
      'FROM busybox',
      'RUN mkdir -p /x/d && chmod 700 /x/d && echo old > /x/d/f',
      'ADD named-otherwise /x/',
      'COPY plain.tar /kept.tar',
      'ADD not-a.tar /made/',
      'ADD --chown=11:12 plain.tar /owned/',
    ),
    files: { 'plain.tar': { content: ARCHIVE }, 'named-otherwise': { content: gzipSync(ARCHIVE) }, 'not-a.tar': 'text' },
    tree: {
      'x/d/f': { content: 'new', mode: '640', owner: '7:8' },
      'x/d': { mode: '750', owner: '7:8' },
      'x/d/hard': { sameFileAs: 'x/d/f' },
      'x/d/soft': { type: 'symlink', link: '../../outside' },
      'kept.tar': { sha256: sha256(ARCHIVE) },
      'made/not-a.tar': 'text',
      'owned/d/f': { content: 'new', mode: '640', owner: '11:12' },
    },
    history: ['ADD not-a.tar /made/ # buildkit*', 'ADD --chown=11:12 plain.tar /owned/ # buildkit*'],
  },
  {
    name: 'ADD unpacks through links of the image, stays in the destination, and makes folders that the archive implies',
    dockerfile: lines(
      'FROM busybox',
      'RUN mkdir -p /real /x/sub && ln -s /real /link && ln -s /sub /x/link',
      'ADD odd.tar /',
      'ADD --chown=5:6 --chmod=700 odd.tar /x',
    ),
    files: {
      'odd.tar': {
        content: tarOf([
          { path: 'link/through', content: 'link' },
          { path: 'implied/parent/g', content: 'g' },
        ]),
      },
    },
    tree: {
      link: { type: 'symlink' },
      'real/through': { content: 'link', owner: '0:0' },
      'implied/parent/g': 'g',
      implied: { mode: '755', owner: '0:0' },
      // An absolute link leads to below the destination, as for a process that had it as root.
      'x/link': { type: 'symlink' },
      'x/sub/through': { content: 'link', mode: '644', owner: '5:6' },
      'x/implied/parent/g': { content: 'g', owner: '5:6' },
      'x/implied': { mode: '755', owner: '0:0' },
    },
  },
  ...COPY_CASES,
]

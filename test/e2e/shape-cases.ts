import type { ContextFiles } from '../../fixtures/cli.ts'
import type { Case } from './cases.ts'
import { lines } from './lines.ts'

/** Each kind of source that COPY may be given. */
const CONTEXT: ContextFiles = {
  a: 'A',
  b: { content: 'B', mode: 0o750 },
  'd/f': { content: 'df', mode: 0o640 },
  'd/empty': null,
  'd/sub/g': 'dsg',
  'd/link': { symlink: '../a' },
  'd/private': { directory: true, mode: 0o700 },
  'e/f': 'ef',
  'e/sub/k': 'esk',
  'link-to-a': { symlink: 'a' },
  'link-to-d': { symlink: 'd' },
  'link-to-link': { symlink: 'link-to-a' },
  'with space': 'space',
  '.hidden': 'hidden',
}

/** What stands at the destinations, once for each of them: `/1`, `/2`, ... */
const STANDING =
  'RUN for n in 1 2 3 4 5 6 7 8; do mkdir -p /$n/d/sub && cd /$n && echo old > d/f && ln d/f d/hard && ln -s d link && chmod 600 d/f && chmod 750 d && chmod 711 d/sub && chown 7:8 d d/sub; done'

const TO_FOLDERS = ['/1/new/', '/2/d/', '/3/link/', '/4/new/deep/', '/5/d/sub/../', '../6', './', '/8/new/.']
const TO_FOLDERS_OR_NEW = ['/1/new', '/2/d', '/3/link', '/4/new/deep/er', '/5/d/sub', '../6/d/', 'made', '/8/new/']
const TO_NAMES = ['/1/new', '/2/d/f', '/3/link/new', '/4/new/deep/er', '/5/d/hard', '../6/d/', '.', '/8/d/sub/']

const COPIES: readonly (readonly [source: string, destinations: readonly string[]])[] = [
  ['a', TO_NAMES],
  ['./d/../b', TO_NAMES],
  ['/../../a', TO_NAMES],
  ['link-to-link', TO_NAMES],
  ['link-to-d/sub/g', TO_NAMES],
  ['d/link', TO_NAMES],
  ['d', TO_FOLDERS_OR_NEW],
  ['d/.', TO_FOLDERS_OR_NEW],
  ['link-to-d', TO_FOLDERS_OR_NEW],
  ['.', TO_FOLDERS_OR_NEW],
  ['d e', TO_FOLDERS],
  ['e d', TO_FOLDERS],
  ['d/*', TO_FOLDERS],
  ['*/f', TO_FOLDERS],
  ['[ab] link-to-?', TO_FOLDERS],
  ['.h* *space', TO_FOLDERS],
]

const IGNORED: ContextFiles = {
  ...Object.fromEntries(
    [
      'a',
      'a.log',
      'b.md',
      'README.md',
      '.env',
      'foo/a',
      'foo/a.log',
      'foo/bar/b.md',
      'foo/bar/baz/q.log',
      'foo/foo/x',
      'foob',
      'bar/foo',
    ].map((name) => [name, name]),
  ),
  '.git/config': 'c',
  'x y/z': 'z',
  'empty/er': null,
}

const IGNORES: readonly string[] = [
  'foo\n!foo/bar\nfoo/bar/baz',
  '*\n!foo/bar/b.md',
  '**/*.log\n**/b*',
  '**/foo/**\n.*',
  '*/*\n!foo\n# foo',
  '/foo/../a\n./bar/\n x y ',
  '[ab]*\n[^a-z]*',
  'fo?\n*.*\n!*.md\nREADME*',
  '**\n!**/bar',
  'empty\nfoo/*\n!foo/a*',
]

const METADATA: readonly (readonly string[])[] = [
  ['CMD ["a"]', 'ENTRYPOINT ["b"]', 'FROM one', 'ENTRYPOINT ["c"]'],
  ['ENTRYPOINT ["b"]', 'CMD c d', 'FROM one', 'CMD ["u"]'],
  ['EXPOSE 80 53/UDP', 'EXPOSE 8000-8002/tcp', 'FROM one', 'ARG P="1 2"', 'EXPOSE $P 80'],
  ['VOLUME /a /b', 'VOLUME ["/c d"]', 'FROM one', 'VOLUME $HOME/e'],
  ['LABEL a=1 "b c"="d e" f=\'g $h\'', 'LABEL a=2', 'FROM one', 'LABEL f= i=j=k'],
  ['HEALTHCHECK --interval=1m --timeout=3s --retries=2 CMD ["a", "b"]', 'FROM one', 'STOPSIGNAL SIGINT', 'USER 5:6'],
  ['WORKDIR a', 'WORKDIR b/../c/', 'USER 5:6', 'WORKDIR /d/e', 'FROM one', 'WORKDIR f'],
  ['ONBUILD COPY a /from-trigger', 'ONBUILD ENV A=1', 'FROM one', 'ENV B=$A'],
]

const VALUES = [
  ...['$A', '${A}x', '$Ax', '${N:-d}', '${E:-d}', '${A:-d}', '${A:+s}', '${N:+s}', '${N:-$A}', '${N:-${M:-deep}}'],
  ...['\\$A', "'$A'", '"$A"', `"'$A'"`, '"\\$A"', 'a\\ b', `a"b c"'d'`, '$A$B', '$A-$B', '%s#h', '"$S"', '$S'],
]

/** COPY, .dockerignore, variables and metadata in many shapes. What is right is what buildah makes of them. */
export const SHAPE_CASES: readonly Case[] = [
  ...COPIES.map(([source, destinations]) => ({
    name: `COPY ${source} to what is there and to what is not`,
    dockerfile: lines('FROM busybox', STANDING, 'WORKDIR /7', ...destinations.map((destination) => `COPY ${source} ${destination}`)),
    files: CONTEXT,
  })),
  ...IGNORES.map((rules) => ({
    name: `a context without ${JSON.stringify(rules)}`,
    dockerfile: lines('FROM scratch', 'COPY . /'),
    files: { ...IGNORED, '.dockerignore': rules },
  })),
  ...METADATA.map((instructions) => ({
    name: instructions.join('; '),
    dockerfile: lines('FROM busybox AS one', ...instructions),
    files: CONTEXT,
  })),
  {
    name: 'variables in every form',
    dockerfile: lines('FROM busybox', 'ARG N', 'ENV A=val B=two E= S="s  p"', ...VALUES.map((value, index) => `LABEL k${index}=${value}`)),
  },
]

import { sha256 } from '../../fixtures/image-tree.ts'
import { tarOf } from '../../fixtures/tars.ts'
import type { Case } from './cases.ts'
import { lines } from './lines.ts'

const ARCHIVE = tarOf([{ path: 'in/a', content: 'a' }])

const KINDS = {
  'dir1/1.png': '1p',
  'dir1/1.txt': '1t',
  'dir2/2.jpeg': '2j',
  'dir2/2.pdf': '2d',
  'dir3/3.mp3': '3m',
  'dir3/3.mpeg': '3g',
}

/** COPY and ADD of files that are at hand. */
export const COPY_CASES: readonly Case[] = [
  {
    name: 'COPY --exclude matches paths below the folder, and is not in the history',
    dockerfile: lines('FROM scratch', 'COPY --exclude=*/*.png --exclude=*/*.jpeg . /1', 'COPY --exclude=*.png . /2'),
    files: KINDS,
    tree: {
      '1/dir1': { type: 'directory' },
      '1/dir1/1.png': null,
      '1/dir1/1.txt': '1t',
      '1/dir2/2.jpeg': null,
      '1/dir2/2.pdf': '2d',
      '1/dir3/3.mp3': '3m',
      '2/dir1/1.png': '1p',
    },
    history: ['COPY . /1 # buildkit*', 'COPY . /2 # buildkit*'],
  },
  {
    name: 'COPY and ADD --exclude see into each folder of a wildcard, and all of them may be empty then',
    dockerfile: lines(
      'FROM scratch',
      'COPY --exclude=*.mp3 --exclude=*.jpeg --exclude=*.png --exclude=*.pdf --exclude=*.txt dir* /4/',
      'ADD --exclude=*.mp* --exclude=*.jpeg --exclude=*.png --exclude=*.pdf dir* /5',
      'ADD --exclude=* dir* /6',
      'ADD --exclude=*.mp3 dir3/ /3/',
    ),
    files: KINDS,
    tree: {
      '3/3.mp3': null,
      '3/3.mpeg': '3g',
      '4/3.mpeg': '3g',
      '4/1.txt': null,
      '5/1.txt': '1t',
      '5/3.mpeg': null,
      6: { type: 'directory', mode: '755', owner: '0:0' },
      '6/1.txt': null,
    },
  },
  {
    name: 'COPY --exclude takes files that are named out by their name, and knows ! and **',
    dockerfile: lines(
      'FROM scratch',
      'COPY --exclude=*.txt hom* /mydir/',
      'COPY --exclude=a.txt a.txt /gone/',
      'COPY --exclude=** --exclude=!**/keep d /d/',
      'ARG P=*.txt',
      'COPY --exclude=$P hom* /verbatim/',
    ),
    files: {
      'home.txt': 'no',
      'home.md': 'yes',
      'homer/in.txt': 'no',
      'homer/in.md': 'in',
      'a.txt': 'a',
      'd/s': { directory: true, mode: 0o750 },
      'd/s/keep': 'k',
      'd/s/drop': 'd',
      'd/t/drop': 'd',
    },
    tree: {
      'mydir/home.txt': null,
      'mydir/home.md': 'yes',
      'mydir/in.md': 'in',
      'mydir/in.txt': null,
      gone: null,
      'd/s': { type: 'directory', mode: '750' },
      'd/s/keep': 'k',
      'd/s/drop': null,
      'd/t': null,
      'verbatim/home.txt': 'no',
    },
    history: ['COPY a.txt /gone/ # buildkit*', 'COPY d /d/ # buildkit*', 'ARG P=*.txt', 'COPY hom* /verbatim/ # buildkit*'],
  },
  {
    name: 'COPY --exclude --from a stage',
    dockerfile: lines(
      'FROM busybox AS s',
      'RUN mkdir -p /o/bin /o/doc && echo b > /o/bin/b && echo d > /o/doc/d && chown -R 3:4 /o',
      'FROM scratch',
      'COPY --from=s --exclude=doc /o /o',
    ),
    tree: { 'o/bin/b': { content: 'b\n', owner: '3:4' }, 'o/doc': null },
  },
  {
    name: 'COPY --parents keeps the folders of files with their modes, and is in the history',
    dockerfile: lines(
      'FROM scratch',
      'COPY --parents foo1/foo2/bar /',
      'WORKDIR /test',
      'COPY --parents --chown=1:2 foo1/foo2/ba* .',
      'COPY --parents foo1/./foo2/b[ar]z none* /out',
      'COPY --parents none* /empty/',
    ),
    files: { foo1: { directory: true, mode: 0o700 }, 'foo1/foo2/bar': 'bar', 'foo1/foo2/baz': 'baz' },
    tree: {
      foo1: { type: 'directory', mode: '700', owner: '0:0' },
      'foo1/foo2/bar': 'bar',
      'foo1/foo2/baz': null,
      'test/foo1': { mode: '700', owner: '1:2' },
      'test/foo1/foo2/bar': { content: 'bar', owner: '1:2' },
      'test/foo1/foo2/baz': 'baz',
      'out/foo2/baz': 'baz',
      'out/foo2/bar': null,
      empty: { type: 'directory' },
    },
    history: [
      'COPY --parents foo1/foo2/bar / # buildkit*',
      'WORKDIR /test*',
      'COPY --parents --chown=1:2 foo1/foo2/ba* . # buildkit*',
      'COPY --parents foo1/./foo2/b[ar]z none* /out # buildkit*',
      'COPY --parents none* /empty/ # buildkit*',
    ],
  },
  {
    name: 'COPY --parents --from a stage has a pivot, ** and several sources',
    dockerfile: lines(
      'FROM busybox AS base',
      'RUN cd /srv 2>/dev/null || mkdir /srv; cd /srv; mkdir -p a/b/c/d/e a/b2/c/d/e a/b/c2/d/e a/b/c2/d/e2; touch a/b/c/d/foo a/b/c/d/e/bay a/b2/c/d/e/bar a/b/c2/d/e/baz a/b/c2/d/e2/baz',
      'FROM scratch',
      'COPY --from=base --parents /srv/a/b/./c/d /1/',
      'COPY --from=base --parents /srv/a/b/c/d/. /2/',
      'COPY --from=base --parents /srv/a/b/c*/./d/**/baz /srv/a/b*/./c/**/bar /3/',
      'COPY --from=base --parents --exclude=**/baz /srv/./a/b/c2 /4/',
    ),
    tree: {
      '1/c/d/foo': '',
      '1/a': null,
      '1/e': null,
      '2/srv/a/b/c/d/e/bay': '',
      '3/d/e/baz': '',
      '3/d/e/bay': null,
      '3/d/e2/baz': '',
      '3/c/d/e/bar': '',
      '4/a/b/c2/d/e2': { type: 'directory' },
      '4/a/b/c2/d/e/baz': null,
    },
  },
  {
    name: 'ADD --unpack=false takes archives as they are, and ADD --unpack only archives apart',
    dockerfile: lines(
      'FROM scratch',
      'ADD --unpack=false a.tar /as-is/',
      'ADD --unpack a.tar f /unpacked/',
      'ADD --unpack=true *.tar /both',
    ),
    files: { 'a.tar': { content: ARCHIVE }, 'b.tar': { content: tarOf([{ path: 'b', content: 'b' }]) }, f: 'f' },
    tree: {
      'as-is/a.tar': { sha256: sha256(ARCHIVE) },
      'unpacked/in/a': 'a',
      'unpacked/f': 'f',
      'both/in/a': 'a',
      'both/b': 'b',
    },
    history: ['ADD a.tar /as-is/ # buildkit*', 'ADD a.tar f /unpacked/ # buildkit*', 'ADD *.tar /both # buildkit*'],
  },
  {
    name: 'ADD of an archive replaces what is in the way of its members, and takes over folders that are there',
    dockerfile: lines(
      'FROM busybox',
      'RUN mkdir -p /d/dir/below /d/kept && echo f > /d/file && ln -s file /d/link && echo k > /d/kept/k && chown -R 9:9 /d',
      'ADD a.tar /d',
    ),
    files: {
      'a.tar': {
        content: tarOf([
          { path: 'dir', content: 'a file now' },
          { path: 'file/', flag: '5', mode: 0o711 },
          { path: 'file/in', content: 'in' },
          { path: 'link', content: 'no link' },
          { path: 'kept/', flag: '5', mode: 0o750, uid: 3, gid: 4 },
          { path: './', flag: '5', mode: 0o700, uid: 3, gid: 4 },
          { path: 'hard', flag: '1', link: 'link' },
        ]),
      },
    },
    tree: {
      d: { mode: '755', owner: '9:9' },
      'd/dir': 'a file now',
      'd/dir/below': null,
      'd/file': { type: 'directory', mode: '711' },
      'd/file/in': 'in',
      'd/link': { content: 'no link', sameFileAs: 'd/hard' },
      'd/kept': { mode: '750', owner: '3:4' },
      'd/kept/k': { content: 'k\n', owner: '9:9' },
    },
  },
]

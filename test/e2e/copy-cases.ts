import type { Case } from './cases.ts'
import { lines } from './lines.ts'

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
]

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Buildah, withoutBuildah } from '../../fixtures/buildah.ts'
import { Cli } from '../../fixtures/cli.ts'
import { sha256, type Tree, type TreeEntry, treeDifferences } from '../../fixtures/image-tree.ts'
import { CASES } from './cases.ts'
import { COPY_CASES } from './copy-cases.ts'
import { SHAPE_CASES } from './shape-cases.ts'

/** Where buildah 1.28 makes something else than BuildKit, which we follow. A buildah that no longer does fails the test, and its row goes. */
interface Apart {
  readonly why: string
  /** It does not take the Dockerfile at all. */
  readonly refuses?: RegExp
  /** Lines of `treeDifferences`: ours | theirs. */
  readonly tree?: readonly string[]
  /** Fields of the config that differ. */
  readonly config?: readonly string[]
}

const APART: Readonly<Record<string, Apart>> = {
  'RUN takes the shell form, the exec form and SHELL': { why: 'CMD in shell form goes through SHELL', config: ['Cmd'] },
  'COPY keeps modes, symbolic links in folders, hard links and empty folders, and owns all by root': {
    why: 'special bits of the context are kept',
    tree: ['/d/y: mode "4711" | "711"', '/x: mode "4711" | "711"'],
  },
  'COPY wildcards are of one folder, and none of them is no error': { why: 'a wildcard may match nothing', refuses: /no such file/ },
  'COPY --chmod in octal counts for folders made on the way, symbolic for what is copied': {
    why: 'symbolic --chmod',
    refuses: /chmod go-r/,
  },
  'COPY --from a stage keeps owners; by name in any case, by number, and of an image': {
    why: 'stage names in any case',
    refuses: /BUILD: no stage/,
  },
  'COPY onto links of the image stays in the image': {
    why: 'a link to nothing is followed to the file to be made',
    tree: [`/data/new: type "file" | "directory", mode "644" | "755", sha256 "${sha256('a')}" | ""`, '/data/new/a: nothing | file'],
  },
  'COPY and RUN take heredocs, expanded or not': { why: 'heredocs', refuses: /<<one/ },
  'ADD unpacks local archives by what they hold, COPY never': {
    why: '--chown counts for what is unpacked',
    tree: ['d', 'd/f', 'd/hard', 'd/soft'].map((path) => `/owned/${path}: owner "11:12" | "${path === 'd/soft' ? '0:0' : '7:8'}"`),
  },
  'ADD unpacks through links of the image, stays in the destination, and makes folders that the archive implies': {
    why: '--chown counts for members, and not for folders that the archive only implies',
    tree: [
      '/x/implied: owner "0:0" | "5:6"',
      '/x/implied/parent: owner "0:0" | "5:6"',
      '/x/implied/parent/g: owner "5:6" | "0:0"',
      '/x/sub/through: owner "5:6" | "0:0"',
    ],
  },
  'ADD takes local files as COPY does': { why: '--chmod counts for folders too', tree: ['/y: mode "600" | "755"'] },
  'COPY takes names with spaces in the JSON form, escaped wildcards and other alphabets': {
    why: 'a star in brackets is a star',
    tree: ['/out/stars: nothing | file'],
  },
  'a hard link of the base that is broken, and one that is made anew': {
    why: 'each step is a layer on the one before, and a change to a name below a layer boundary is a change to that name alone',
    tree: [
      '/a: sameFileAs "" | "a"',
      ...['c', 'd'].map((name) => `/${name}: sha256 "${sha256('1\n')}" | "${sha256('1\n3\n')}", sameFileAs "c" | "a"`),
    ],
  },
  'files written below a VOLUME stay': { why: 'BuildKit keeps them, as the reference says', tree: ['/v/after: file | nothing'] },
  'COPY replaces a file, and a link that it is named by is followed': {
    why: 'a link at the destination is followed, not replaced',
    tree: [
      '/hard: sameFileAs "" | "hard"',
      `/link: type "symlink" | "file", mode "777" | "755", link "real" | "", sha256 "" | "${sha256('new')}"`,
      `/real: mode "755" | "644", sha256 "${sha256('new')}" | "${sha256('old\n')}", sameFileAs "" | "hard"`,
    ],
  },
  'ENV may hold percent signs, dollars, quotes and equals signs, and replace PATH': {
    why: 'a variable set again keeps its place',
    config: ['Env'],
  },
  'COPY of what is there already: folders keep owner and mode at the top and take those of the source below': {
    why: 'folders on the way have the octal --chmod',
    tree: ['/newer: mode "711" | "755"'],
  },
  'ADD of archives makes the destination of the --chown owner, 0755, and takes several': {
    why: '--chown counts for what is unpacked',
    tree: ['/new/er/a: owner "5:6" | "0:0"', '/new/er/b: owner "5:6" | "0:0"'],
  },
  'ADD of an archive replaces what is in the way of its members, and takes over folders that are there': {
    why: 'what an archive says of ./ is not about the destination',
    tree: ['/d: mode "755" | "700", owner "9:9" | "3:4"'],
  },
  ...Object.fromEntries(
    COPY_CASES.filter(({ name }) => / --(?:exclude|parents|link|unpack)/.test(name)).map(({ name }) => [
      name,
      { why: 'buildah has no such flag', refuses: /only supports the/ },
    ]),
  ),
  'COPY */f to what is there and to what is not': {
    why: 'a wildcard does not look through links: link-to-d/f is not the last that matches',
    tree: [
      ...['1/new', '2/d', '3/d', '4/new/deep', '5/d', '6', '7'].map(
        (folder) => `/${folder}/f: mode "644" | "640", sha256 "${sha256('ef')}" | "${sha256('df')}"`,
      ),
      `/8/new: type "directory" | "file", mode "755" | "640", sha256 "" | "${sha256('df')}"`,
      '/8/new/f: file | nothing',
    ],
  },
  'a context without "**\\n!**/bar"': {
    why: 'an ignored folder is looked into when a ! may take back what is in it',
    tree: ['foo', 'foo/bar', 'foo/bar/b.md', 'foo/bar/baz', 'foo/bar/baz/q.log'].map(
      (path) => `/${path}: ${path.includes('.') ? 'file' : 'directory'} | nothing`,
    ),
  },
  'EXPOSE 80 53/UDP; EXPOSE 8000-8002/tcp; FROM one; ARG P="1 2"; EXPOSE $P 80': {
    why: 'protocols are in lower case, and a range is each of its ports',
    config: ['ExposedPorts'],
  },
  'VOLUME /a /b; VOLUME ["/c d"]; FROM one; VOLUME $HOME/e': {
    why: 'VOLUME makes no folder',
    tree: ['/c d: nothing | directory', '/e: nothing | directory'],
  },
  'escape=` makes the backslash an ordinary character': { why: 'in ENV as well', config: ['Env'] },
}

/** buildah takes seconds for each: `npm run test:long` has them all, `npm test` every fourth. */
const ALL = [...CASES, ...SHAPE_CASES]
const COMPARED = process.env.TSBUILD_LONG === undefined ? ALL.filter((_, index) => index % 4 === 1) : ALL

describe('tsbuild build and buildah make the same of', () => {
  let cli: Cli
  let buildah: Buildah
  before(async function () {
    const reason = await withoutBuildah()
    if (reason !== undefined) return this.skip()
    cli = await Cli.withBusybox('against')
    buildah = new Buildah()
    await buildah.pull(join(cli.folder, 'base'), 'busybox')
  })
  after(async () => {
    await cli?.[Symbol.asyncDispose]()
    await buildah?.[Symbol.asyncDispose]()
  })

  for (const one of COMPARED)
    it(one.name, async () => {
      const { why = '', refuses, tree = [], config = [] } = APART[one.name] ?? {}
      const context = cli.context({ Dockerfile: one.dockerfile, ...one.files })
      const building = buildah.build(context, one.args)
      if (refuses !== undefined) return assert.rejects(building, refuses, why)
      const theirs = await building
      const ours = (await cli.build(context, { args: one.args ?? [] })).image
      assert.deepEqual(treeDifferences(ours.tree, withoutStubs(theirs.tree, ours.tree)), tree, why)
      assert.deepEqual(comparable(ours.config.config, config), comparable(theirs.config.config, config))
      for (const field of config) assert.notDeepEqual(ours.config.config[field], theirs.config.config[field], why)
    })
})

const FIELDS = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'Healthcheck',
  'Shell',
  'OnBuild',
]

/** The fields that say how to run the image, without those that are empty. */
function comparable(config: Readonly<Record<string, unknown>>, apart: readonly string[]): Record<string, unknown> {
  const { 'io.buildah.version': _, ...labels } = (config.Labels ?? {}) as Record<string, string>
  const adjusted = { ...config, Labels: labels, WorkingDir: config.WorkingDir || '/' }
  const entries = FIELDS.filter((field) => !apart.includes(field)).map(
    (field) => [field, adjusted[field as keyof typeof adjusted]] as const,
  )
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== null && Object.keys(value).length > 0))
}

const STUBS = ['etc/hostname', 'etc/hosts', 'etc/resolv.conf', 'run']

/** buildah leaves what it mounted onto in the image, and as an ordinary user overlayfs's own xattrs; BuildKit and tsbuild do neither. */
function withoutStubs(tree: Tree, ours: Tree): Tree {
  const kept = [...tree].filter(([path]) => ours.has(path) || !STUBS.includes(path))
  return new Map(kept.map(([path, entry]) => [path, { ...entry, xattrs: withoutOverlay(entry.xattrs) }]))
}

function withoutOverlay(xattrs: TreeEntry['xattrs']): TreeEntry['xattrs'] {
  return Object.fromEntries(Object.entries(xattrs).filter(([name]) => !name.startsWith('user.overlay.')))
}

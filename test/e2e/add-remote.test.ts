import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Built, Cli } from '../../fixtures/cli.ts'
import { sha256 } from '../../fixtures/image-tree.ts'
import { gitIn, SourceServer } from '../../fixtures/source-server.ts'
import { tarOf } from '../../fixtures/tars.ts'
import { certificateFor } from '../registry/remote/certificate.ts'

const hasGit = spawnSync('git', ['--version']).status === 0

describe('ADD of what servers have', function () {
  this.timeout(60_000)
  let cli: Cli
  let server: SourceServer
  before(async () => {
    cli = new Cli('add-remote')
    server = await SourceServer.start(join(cli.folder, 'served'))
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await cli[Symbol.asyncDispose]()
  })
  const from = (...lines: string[]) => ['FROM scratch', ...lines, ''].join('\n')
  const add = (...lines: string[]): Promise<Built> => cli.build({ dockerfile: from(...lines) })
  const refused = (...lines: string[]) => cli.fail({ dockerfile: from(...lines) })

  describe('a URL', () => {
    it('becomes a file of root with mode 0600 and the time of the server, named as the URL ends', async () => {
      server.file('dir/a%20b.txt', 'hello')
      const { image } = await add(`ADD ${server.url('dir/a%20b.txt')}?x=2 /web/`)
      const { mode, owner, sha256: digest } = image.tree.get('web/a b.txt') ?? assert.fail('no file')
      assert.deepEqual({ mode, owner, digest }, { mode: '600', owner: '0:0', digest: sha256('hello') })
      const member = image.layers.flat().find(({ path }) => path === 'web/a b.txt')
      assert.equal(member?.mtime, Date.parse('2020-01-01T00:00:00Z') / 1000)
    })
    it('is dated 1970 where the server does not say', async () => {
      server.answers.set('/undated', (_, response) => void response.end('x'))
      const { image } = await add(`ADD ${server.url('undated')} /`)
      assert.equal(image.layers.flat().find(({ path }) => path === 'undated')?.mtime, 0)
    })
    it('has the mode and owner that are asked for', async () => {
      const { image } = await add('ARG M=0413', `ADD --chmod=$M --chown=7:8 ${server.file('m', 'm')} /`)
      assert.equal(image.tree.get('m')?.mode, '413')
      assert.equal(image.tree.get('m')?.owner, '7:8')
    })
    it('is not fetched again as long as the server says that it is the same', async () => {
      const url = server.file('etag', 'content')
      await add(`ADD ${url} /`)
      server.asked.length = 0
      const { steps } = await add(`ADD ${url} /`)
      assert.deepEqual(server.asked, ['GET /etag'])
      assert.equal(server.headers.at(-1)?.['if-none-match'] !== undefined, true)
      assert.deepEqual(steps.at(-1)?.[1], 'CACHED')
      server.file('etag', 'other content')
      const { image } = await add(`ADD ${url} /`)
      assert.equal(image.tree.get('etag')?.sha256, sha256('other content'))
    })
    it('is not even asked for when its checksum is known', async () => {
      const url = server.file('sum', 'summed')
      const line = `ADD --checksum=sha256:${sha256('summed')} ${url} /`
      await add(line)
      server.asked.length = 0
      await add(line)
      assert.deepEqual(server.asked, [])
    })
    it('of another checksum is an error that names both', async () => {
      const wrong = 'a'.repeat(64)
      const { stderr } = await refused(`ADD --checksum=sha256:${wrong} ${server.file('sum2', 'summed')} /`)
      assert.match(stderr, new RegExp(`is sha256:${sha256('summed')}, but the checksum asks for sha256:${wrong}`))
    })
    it('stays an archive, unless --unpack', async () => {
      const url = server.file('x.tar.gz', gzipSync(tarOf([{ path: 'in/side', content: 'i' }])))
      const { image } = await add(`ADD ${url} /kept/`, `ADD --unpack ${url} /out/`)
      assert.deepEqual([...image.tree.keys()], ['kept', 'kept/x.tar.gz', 'out', 'out/in', 'out/in/side'])
    })
    it('and a file of the context keep their order', async () => {
      const files = { a: 'context' }
      const { image } = await cli.build({ dockerfile: from(`ADD a ${server.file('a', 'web')} /x/`, `ADD ${server.url('a')} a /y/`), files })
      assert.equal(image.tree.get('x/a')?.sha256, sha256('web'))
      assert.equal(image.tree.get('y/a')?.sha256, sha256('context'))
    })
    for (const [kind, sent] of [
      ['HEADER', 'Custom sesame'],
      ['TOKEN', 'Bearer Custom sesame'],
    ] as const)
      it(`is asked for with the secret HTTP_AUTH_${kind}_HOST, which nobody else gets`, async () => {
        const other = await SourceServer.start(join(cli.folder, `other-${kind}`))
        try {
          const { host } = new URL(server.url(''))
          server.answers.set('/locked', (_, response) => void response.writeHead(302, { location: other.file('there', kind) }).end())
          const args = ['--secret', `id=HTTP_AUTH_${kind}_${host},env=AUTH`, '--secret', `id=HTTP_AUTH_HEADER_other.invalid,env=AUTH`]
          const dockerfile = from(`ADD ${server.url('locked').replace('//', '//user:word@')} /m`)
          const built = await cli.build({ dockerfile }, { args, env: { AUTH: 'Custom sesame\n' } })
          assert.equal(built.image.tree.get('m')?.sha256, sha256(kind))
          assert.equal(server.headers.at(-1)?.authorization, sent)
          assert.equal(other.headers.at(-1)?.authorization, undefined)
          assert.doesNotMatch(built.stderr + JSON.stringify(built.image.config), /sesame/)
        } finally {
          await other[Symbol.asyncDispose]()
        }
      })
    it('is not asked for with a secret that is no header, which is not shown', async () => {
      const id = `HTTP_AUTH_HEADER_${new URL(server.url('')).host}`
      const { stderr } = await cli.fail(
        { dockerfile: from(`ADD ${server.url('x')} /`) },
        { args: ['--secret', `id=${id},env=AUTH`], env: { AUTH: 'one\r\nX-Sesame: two' } },
      )
      assert.match(stderr, /secret HTTP_AUTH_HEADER_\S+ cannot be sent as a header/)
      assert.doesNotMatch(stderr, /sesame/i)
    })
    it('follows redirects without taking credentials to another server', async () => {
      const other = await SourceServer.start(join(cli.folder, 'other'))
      try {
        server.answers.set('/moved', (_, response) => void response.writeHead(302, { location: other.file('there', 'moved') }).end())
        const { image } = await add(`ADD ${server.url('moved').replace('//', '//user:secret@')} /m`)
        assert.equal(image.tree.get('m')?.sha256, sha256('moved'))
        assert.equal(server.headers.at(-1)?.authorization, `Basic ${Buffer.from('user:secret').toString('base64')}`)
        assert.equal(other.headers.at(-1)?.authorization, undefined)
      } finally {
        await other[Symbol.asyncDispose]()
      }
    })
    for (const [what, location, says] of [
      ['a file', 'file:///etc/passwd', /redirects where it may not: the protocol file:/],
      ['another scheme', 'gopher://127.0.0.1/', /redirects where it may not: the protocol gopher:/],
      ['itself for ever', '/loop', /redirects again and again/],
    ] as const)
      it(`that redirects to ${what} is refused`, async () => {
        server.answers.set('/loop', (_, response) => void response.writeHead(302, { location }).end())
        const { stderr } = await refused(`ADD ${server.url('loop')} /`)
        assert.match(stderr, says)
      })
    for (const [line, says] of [
      ['ADD http://127.0.0.1:1/x /', /cannot reach 127\.0\.0\.1:1/],
      ['ADD SERVER/nothing /', /nothing: the server answered 404/],
      ['ADD --checksum=md5:aa SERVER/x /', /not a checksum: "md5:aa"/],
      [`ADD --checksum=sha256:${'a'.repeat(64)} SERVER/x SERVER/y /`, /checksum can't be specified for multiple sources/],
      [`ADD --checksum=sha256:${'a'.repeat(64)} Dockerfile /`, /checksum can't be specified for the local source "Dockerfile"/],
      ['ARG U=SERVER/x\nCOPY $U /', /source can't be a git ref or URL for COPY/],
    ] as const)
      it(`${line.replaceAll('a'.repeat(64), 'a...')} is refused at its line`, async () => {
        const { stderr } = await refused(line.replaceAll('SERVER', server.url('').slice(0, -1)))
        assert.match(stderr, says)
        assert.match(stderr, />>> (ADD|COPY)/)
      })
  })

  describe('over https', () => {
    let secure: SourceServer
    let ca: string
    before(async () => {
      const tls = certificateFor('127.0.0.1')
      ca = join(cli.folder, 'ca.pem')
      writeFileSync(ca, tls.cert)
      secure = await SourceServer.start(join(cli.folder, 'secure'), tls)
      if (hasGit) secure.repository('private', { s: 's' })
    })
    after(() => secure[Symbol.asyncDispose]())
    const trusting = (line: string) => cli.build({ dockerfile: from(line) }, { args: ['--cert-file', ca] })
    const refusedBy = (line: string) => cli.fail({ dockerfile: from(line) }, { args: ['--cert-file', ca] })

    it('a file and a repository come from a server that is vouched for, and from no other', async function () {
      assert.ok((await trusting(`ADD ${secure.file('s', 's')} /`)).image.tree.has('s'))
      assert.match((await refused(`ADD ${secure.url('s')} /again`)).stderr, /certificate not trusted/)
      if (!hasGit) return this.skip()
      assert.ok((await trusting(`ADD ${secure.url('private.git')} /`)).image.tree.has('s'))
      assert.match((await refused(`ADD ${secure.url('private.git')} /again`)).stderr, /certificate/)
    })
    it('is never left for http', async function () {
      server.asked.length = 0
      secure.answers.set('/down', (_, response) => void response.writeHead(302, { location: server.file('plain', 'p') }).end())
      assert.match((await refusedBy(`ADD ${secure.url('down')} /`)).stderr, /from https down to http/)
      if (!hasGit) return this.skip()
      server.repository('plain', { p: 'p' })
      secure.answers.set('/down.git/info/refs', (request, response) => {
        const location = server.url(`plain.git/info/refs${new URL(request.url ?? '', 'http://x').search}`)
        response.writeHead(302, { location }).end()
      })
      await refusedBy(`ADD ${secure.url('down.git')} /`)
      assert.deepEqual(server.asked, [])
    })
    it('a user name and password reach the server, and no message', async function () {
      if (!hasGit) return this.skip()
      secure.headers.length = 0
      const { stderr } = await trusting(`ADD ${secure.url('private.git').replace('//', '//me:sesame@')} /p`)
      assert.ok(secure.headers.some(({ authorization }) => authorization === `Basic ${Buffer.from('me:sesame').toString('base64')}`))
      assert.ok(!stderr.includes('sesame'), stderr) // but for the step, which is the line of the Dockerfile
    })
  })

  describe('a git repository', () => {
    let commit: string
    let inner: string
    before(function () {
      if (!hasGit) return this.skip()
      inner = server.repository('inner', { 'in.txt': 'inner' })
      commit = server.repository(
        'repo',
        { 'a.txt': 'a', 'run.sh': 'x', 'dir/b': 'b', '.gitattributes': 'a.txt export-ignore\n' },
        (git, work) => {
          git('tag', '-a', 'v1', '-m', 'v1')
          git('checkout', '-q', '-b', 'side')
          symlinkSync('../a.txt', join(work, 'dir/link'))
          git('submodule', '--quiet', 'add', join(server.folder, 'inner.git'), 'sub')
          writeFileSync(join(work, '.gitmodules'), '[submodule "sub"]\n\tpath = sub\n\turl = ../inner.git\n')
          git('add', '-A')
          git('commit', '-q', '-m', 'second')
          git('checkout', '-q', 'main')
        },
      )
    })
    const repo = () => server.url('repo.git')

    it('gives its files with 0644 or 0755, of root, dated as the commit', async () => {
      const { image } = await add(`ADD ${repo()} /g`)
      const seen = [...image.tree].map(([path, { mode, owner }]) => [path, mode, owner])
      assert.deepEqual(seen, [
        ['g', '755', '0:0'],
        ['g/.gitattributes', '644', '0:0'],
        ['g/a.txt', '644', '0:0'],
        ['g/dir', '755', '0:0'],
        ['g/dir/b', '644', '0:0'],
        ['g/run.sh', '755', '0:0'],
      ])
      assert.equal(image.layers.flat().find(({ path }) => path === 'g/a.txt')?.mtime, Date.parse('2024-01-01T00:00:00Z') / 1000)
    })
    for (const [suffix, wanted] of [
      ['#v1', ['a.txt', 'dir', 'dir/b']],
      ['#main:dir', ['b']],
      ['#side', ['a.txt', 'dir', 'dir/b', 'dir/link', 'sub', 'sub/in.txt']],
      ['#refs/heads/side:sub', ['in.txt']],
      ['?branch=side&submodules=false', ['a.txt', 'dir', 'dir/b', 'dir/link', 'sub']],
      ['?tag=v1&subdir=/dir/', ['b']],
      ['?ref=main', ['a.txt', 'dir', 'dir/b']],
      ['?branch=main#refs/heads/main:dir', ['b']],
    ] as const)
      it(`${suffix} names a part of it`, async () => {
        const { image } = await add(`ADD ${repo()}${suffix} /`)
        const paths = [...image.tree.keys()].filter((path) => !/^\.git|run\.sh/.test(path))
        assert.deepEqual(paths, wanted)
      })
    it('of a commit needs no ref', async () => {
      const { image } = await add(`ADD ${repo()}#${commit} /`)
      assert.ok(image.tree.has('a.txt'))
      const again = await add(`ADD ${repo()}?checksum=${commit}&fetch-by-commit=true /`)
      assert.ok(again.image.tree.has('a.txt'))
    })
    it('is checked against --checksum, which changes no layer', async () => {
      const plain = await add(`ADD ${repo()}#v1 /c`)
      const summed = await add(`ADD --checksum=${commit.slice(0, 8)} ${repo()}#v1 /c`)
      assert.equal(summed.steps.at(-1)?.[1], 'CACHED')
      assert.deepEqual(summed.image.config.rootfs, plain.image.config.rootfs)
      const { stderr } = await refused(`ADD --checksum=${inner} ${repo()}#v1 /c`)
      assert.match(stderr, new RegExp(`v1 is the commit ${commit}, but the checksum asks for ${inner}`))
    })
    it('has a .git that git can use when it is asked for', async () => {
      const { image } = await cli.build(
        { dockerfile: from(`ADD --keep-git-dir=true ${repo()}#v1 /`) },
        { args: ['-o', 'type=local,dest=kept'] },
      )
      assert.ok(image.tree.has('.git/HEAD'))
      const git = (...args: string[]) =>
        spawnSync('git', ['-c', 'safe.directory=*', ...args], { cwd: join(cli.folder, 'kept'), encoding: 'utf8' })
      assert.equal(git('describe').stdout.trim(), 'v1')
      assert.equal(git('status', '--short').stdout, '')
      assert.equal(git('config', 'remote.origin.url').stdout.trim(), repo())
      assert.ok(!image.tree.has('.git/hooks'))
    })
    it('comes whole from a server of plain files, with its .git, too', async () => {
      server.repository('static', { one: '1' }, (git) => git('tag', '-a', 'v2', '-m', 'two'))
      const bare = join(server.folder, 'static.git')
      gitIn(bare)('update-server-info')
      server.answers.set('/static.git/info/refs', (_, response) => void response.end(readFileSync(join(bare, 'info/refs'))))
      const { image } = await add(`ADD --keep-git-dir=true ${server.url('static.git')}#v2 /`)
      assert.ok(image.tree.has('one') && image.tree.has('.git/HEAD'))
    })
    it('need not end in .git with --keep-git-dir', async () => {
      const { stderr } = await refused(`ADD --keep-git-dir=false ${server.url('repo')}#main /`)
      assert.match(stderr, /git ls-remote failed: .*\/repo/)
    })
    it('comes from a server that only gives files, with its .git', async () => {
      server.repository('dumb', { 'd.txt': 'd' }, (git) => git('tag', '-a', 'v1', '-m', 'v1'))
      const folder = join(server.folder, 'dumb.git')
      gitIn(folder)('update-server-info')
      for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(folder, name)).isFile()))
        server.answers.set(`/dumb.git/${path}`, (_, response) => void response.end(readFileSync(join(folder, path))))
      const { image } = await add(`ADD --keep-git-dir ${server.url('dumb.git')}#v1 /`)
      assert.ok(image.tree.has('d.txt') && image.tree.has('.git/refs/tags/v1'))
    })
    it('moves with its branch', async () => {
      server.repository('moving', { one: '1' })
      const line = `ADD ${server.url('moving.git')}#main /`
      assert.ok((await add(line)).image.tree.has('one'))
      const work = join(server.folder, 'moving-work')
      writeFileSync(join(work, 'two'), '2')
      const env = { ...process.env, GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' }
      spawnSync('sh', ['-c', 'git add -A && git commit -qm two && git push -q ../moving.git main'], { cwd: work, env })
      assert.ok((await add(line)).image.tree.has('two'))
    })

    describe('made by an attacker', () => {
      const marker = () => join(cli.folder, 'owned')
      afterEach(() => assert.ok(!existsSync(marker()), 'a command was run'))
      for (const [what, source, says] of [
        ['an upload-pack', 'ssh://-oProxyCommand=touch%20MARK/x', /not the URL of a repository|git may not fetch/],
        ['an option as path', 'git@127.0.0.1:--upload-pack=touch', /not a path on a git server/],
        ['an option as ref', 'SERVER/repo.git#--upload-pack=touch', /not a branch, tag or commit: "--upload-pack=touch"/],
        ['a refspec as ref', 'SERVER/repo.git?ref=a:refs/heads/b', /not a branch, tag or commit/],
        ['an option as checksum', 'SERVER/repo.git?checksum=--exec', /not a commit: "--exec"/],
        ['a way out of it', 'SERVER/repo.git#main:../..', /leaves the repository/],
        ['an unknown key', 'SERVER/repo.git?upload-pack=x', /unexpected query "upload-pack"/],
        ['two refs', 'SERVER/repo.git?ref=a#b', /ref conflicts: "b" and "a"/],
        ['a tag and a branch', 'SERVER/repo.git?tag=a&branch=a', /branch conflicts/],
        ['no such ref', 'SERVER/repo.git#nosuch', /has no "nosuch"/],
        ['no such directory', 'SERVER/repo.git#main:nosuch', /has no directory "nosuch"/],
        ['no such commit', `SERVER/repo.git#${'1'.repeat(40)}`, /has no commit 1{40}|not our ref/],
        ['no repository', 'SERVER/nosuch.git', /not found|failed/],
      ] as const)
        it(`${what} is refused`, async () => {
          const { stderr } = await refused(`ADD ${source.replace('SERVER', server.url('').slice(0, -1)).replace('MARK', marker())} /`)
          assert.match(stderr, says)
        })
      for (const url of ['ext::sh -c "touch MARK"', 'file:///etc', '/etc', '--upload-pack=touch MARK', 'fd::17/foo'])
        it(`a submodule at ${url} is refused`, async () => {
          const text = `[submodule "m"]\n\tpath = m\n\turl = ${JSON.stringify(url.replace('MARK', marker()))}\n`
          const name = `evil-${Buffer.from(url).toString('hex').slice(0, 12)}`
          server.repository(name, { '.gitmodules': text }, (git) => {
            git('update-index', '--add', '--cacheinfo', `160000,${inner},m`)
            git('commit', '-q', '-m', 'link')
          })
          const { stderr } = await refused(`ADD ${server.url(`${name}.git`)} /`)
          assert.match(stderr, /git may not fetch|not the URL of a repository|no URL of the submodule/)
        })
      it('a relative submodule stays on its server, with the credentials that are for it', async () => {
        await using thief = await SourceServer.start(join(cli.folder, 'thief'))
        server.headers.length = 0
        for (const [name, url] of [
          ['host', `../../x@127.0.0.1:${thief.port}/steal.git`],
          ['port', `../../${thief.port}/steal.git`],
          ['above', '../../../../steal.git'],
        ] as const) {
          const text = `[submodule "m"]\n\tpath = m\n\turl = ${url}\n`
          server.repository(`lure-${name}`, { '.gitmodules': text }, (git) => {
            git('update-index', '--add', '--cacheinfo', `160000,${inner},m`)
            git('commit', '-q', '-m', 'link')
          })
          const { stderr } = await refused(`ADD ${server.url(`lure-${name}.git`).replace('//', '//me:sesame@')} /`)
          assert.match(stderr, /leads above the server of/)
        }
        assert.ok(server.headers.some(({ authorization }) => authorization !== undefined))
        assert.deepEqual(thief.headers, [])
      })
      it('links out of its directory lead nowhere', async () => {
        server.repository('links', {}, (git, work) => {
          mkdirSync(join(work, 'd'))
          symlinkSync('/etc', join(work, 'd/out'))
          symlinkSync('../../../../etc', join(work, 'up'))
          git('add', '-A')
          git('commit', '-q', '-m', 'links')
        })
        const { stderr } = await refused(`ADD ${server.url('links.git')}#main:up /`)
        assert.match(stderr, /has no directory "up"/)
        const { image } = await add(`ADD ${server.url('links.git')}#main:d /`)
        assert.deepEqual([image.tree.get('out')?.type, image.tree.get('out')?.link], ['symlink', '/etc'])
      })
      for (const [what, leaf] of [
        ['files', '100644 blob'],
        ['empty directories', '040000 tree'],
      ] as const)
        it(`a tree of billions of ${what} is refused before it is written`, async () => {
          const name = `bomb-${leaf.slice(7)}`
          server.repository(name, { x: 'x' }, (git, work) => {
            const mktree = (input: string) => spawnSync('git', ['mktree'], { cwd: work, input, encoding: 'utf8' }).stdout.trim()
            const ten = (line: string) => mktree(Array.from({ length: 10 }, (_, i) => `${line}\tn${i}\n`).join(''))
            let tree = ten(`${leaf} ${leaf.endsWith('tree') ? mktree('') : git('hash-object', '-w', 'x')}`)
            for (let level = 0; level < 9; level++) tree = ten(`040000 tree ${tree}`)
            git('update-ref', 'refs/heads/main', git('commit-tree', '-m', 'bomb', tree))
          })
          const { stderr } = await refused(`ADD ${server.url(`${name}.git`)} /`)
          assert.match(stderr, /has more than 1000000 files and directories/)
        })
    })

    it('says so where there is no git', async () => {
      const dockerfile = from(`ADD ${repo()}?ref=v1 /nogit`)
      const bin = join(cli.folder, 'bin')
      mkdirSync(bin)
      for (const name of ['node', 'sh', 'dirname', 'readlink', 'env', 'bash', 'cat', 'uname']) {
        const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
        if (found !== '') symlinkSync(found, join(bin, name))
      }
      const { stderr } = await cli.fail({ dockerfile }, { env: { PATH: bin } })
      assert.match(stderr, /there is no git program/)
      assert.match(stderr, /hint: install git/)
    })
  })
})

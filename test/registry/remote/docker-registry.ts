import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Debian's docker-registry, an implementation that is not ours. */
export interface DockerRegistry extends AsyncDisposable {
  readonly host: string
}

export interface DockerRegistryOptions {
  readonly tls?: { readonly key: string; readonly cert: string }
  /** A line `user:bcrypt`. */
  readonly htpasswd?: string
}

export function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
}

export async function dockerRegistry({ tls, htpasswd }: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-docker-registry-'))
  const host = `127.0.0.1:${await freePort()}`
  const config = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(folder, 'data') },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: {
      addr: host,
      secret: 'x',
      ...(tls === undefined ? {} : { tls: { key: join(folder, 'key.pem'), certificate: join(folder, 'cert.pem') } }),
    },
    ...(htpasswd === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } }),
  }
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config)) // JSON is YAML.
  writeFileSync(join(folder, 'key.pem'), tls?.key ?? '')
  writeFileSync(join(folder, 'cert.pem'), tls?.cert ?? '')
  writeFileSync(join(folder, 'htpasswd'), htpasswd ?? '')
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  await listening(host)
  return {
    host,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function listening(host: string): Promise<void> {
  for (let tried = 0; tried < 200; tried++) {
    const up = await fetch(`http://${host}/`).then(
      () => true,
      (error) => String(error.cause?.code).startsWith('HPE') || String(error.cause?.code) === 'UND_ERR_SOCKET',
    )
    if (up) return
    await sleep(50)
  }
  throw new Error(`docker-registry did not start at ${host}`)
}

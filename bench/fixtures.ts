import { cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Folders of the machine that hold ordinary Debian files, for trees of real bytes. */
const REAL_FILES = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/share', '/usr/bin', '/usr/lib']

/** A context with a Dockerfile. */
export function context(folder: string, dockerfile: string): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'Dockerfile'), dockerfile)
  return folder
}

/** `count` files of about 20 kB each in folders of 100: 10,000 of them are a large application. */
export function manyFiles(folder: string, count: number): void {
  for (let i = 0; i < count; i++) {
    const dir = join(folder, `d${Math.floor(i / 100)}`)
    if (i % 100 === 0) mkdirSync(dir, { recursive: true })
    const line = `export const value${i} = ${JSON.stringify({ i, text: `item ${i * 7919} of a list` })}\n`
    writeFileSync(join(dir, `f${i}.js`), line.repeat(Math.ceil(20_000 / line.length)))
  }
}

/** Copies ordinary files of the machine until there are `bytes` of them. */
export function realTree(folder: string, bytes: number): void {
  let left = bytes
  const copy = (from: string, to: string): void => {
    mkdirSync(to, { recursive: true })
    for (const entry of readdirSync(from, { withFileTypes: true })) {
      if (left <= 0) return
      const [source, target] = [join(from, entry.name), join(to, entry.name)]
      if (entry.isDirectory()) copy(source, target)
      else if (entry.isFile()) {
        left -= statSync(source).size
        cpSync(source, target, { preserveTimestamps: true })
      }
    }
  }
  for (const root of REAL_FILES) {
    try {
      copy(root, join(folder, root))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

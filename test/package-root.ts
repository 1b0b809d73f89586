import { existsSync } from 'node:fs'
import path from 'node:path'

/** The folder of package.json. Compiled files lie one level deeper than their sources, so nothing may count `..`. */
export function packageRoot(from: string = import.meta.dirname): string {
  if (existsSync(path.join(from, 'package.json'))) return from
  const parent = path.dirname(from)
  if (parent === from) throw new Error('there is no package.json above this file')
  return packageRoot(parent)
}

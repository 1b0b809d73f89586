/** What a tar path means in a layer. image-spec v1.1, layer.md, "Whiteouts". */
export type Whiteout =
  | { readonly kind: 'none' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'opaque'; readonly dir: string }
  | { readonly kind: 'invalid' }

const PREFIX = '.wh.'
export const OPAQUE_NAME = '.wh..wh..opq'

/**
 * Paths are relative, without a trailing slash. `a/.wh.b` deletes `a/b`; `a/.wh..wh..opq` hides all of `a/` from below;
 * a bare `.wh.` and `.wh.` followed by `.` or `..` are invalid.
 */
export function whiteoutOf(path: string): Whiteout {
  const slash = path.lastIndexOf('/') + 1
  const [dir, name] = [path.slice(0, slash), path.slice(slash)]
  if (!name.startsWith(PREFIX)) return { kind: 'none' }
  if (name === OPAQUE_NAME) return { kind: 'opaque', dir }
  const target = name.slice(PREFIX.length)
  if (target === '' || target === '.' || target === '..' || target.startsWith('.wh.')) return { kind: 'invalid' }
  return { kind: 'file', path: dir + target }
}

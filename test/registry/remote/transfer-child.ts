import { parsePlatform } from '../../../registry/oci/platform.ts'
import { parseReference } from '../../../registry/oci/reference.ts'
import { pull } from '../../../registry/remote/pull.ts'
import { push } from '../../../registry/remote/push.ts'
import { openStore } from '../../../registry/store/store.ts'
import { openTestNative } from '../store/native.ts'
import { testClient } from './support.ts'

// One push or pull in a process of its own, for tests that kill it: transfer-child.js push|pull ROOT REFERENCE
const [action = '', root = '', text = ''] = process.argv.slice(2)
const reference = parseReference(text)
await using native = openTestNative()
await using store = await openStore({ root, native, bootId: 'boot-1', now: Date.now })
await using client = testClient()
if (action === 'push') {
  const image = await store.names.get('image')
  if (image !== undefined) await push(image, [reference], { chunkBytes: 1 << 20 }, { client, store, emit: () => {} })
} else {
  await pull(reference, { platform: parsePlatform('linux/amd64') }, { client, store, emit: () => {} })
}

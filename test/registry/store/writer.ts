import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openStore } from '../../../registry/store/store.ts'
import { openTestNative } from './native.ts'

/** What support.ts starts and kills: writes to a store without an end. */
const [root = '', what = '', json = ''] = process.argv.slice(2)
const descriptor = JSON.parse(json)
const store = await openStore({ root, native: openTestNative(), bootId: 'boot-1', now: Date.now })

if (what === 'temporary') {
  writeFileSync(await store.temporary(), 'left')
  process.send?.('ready')
  await sleep(60_000)
} else if (what === 'names') {
  process.send?.('ready')
  for (let i = 0; ; i++) {
    const digest = await store.blobs.put(Buffer.from(`content ${i}`))
    await store.names.set(`name-${i % 50}`, { mediaType: 'text/plain', digest, size: `content ${i}`.length })
  }
} else {
  const ingest = await store.blobs.ingest(descriptor)
  for (;;) await ingest.write(Buffer.alloc(1 << 16, 'x'))
}

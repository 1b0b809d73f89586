/** The words between Node and the native code; `src/common/protocol.h` says the same and test/native/protocol.test.ts compares the two. */
export const PROTOCOL_VERSION = 3
export const MAX_FRAME = 256 << 20
/** Bytes of output a request may have under way before a CREDIT. */
export const STREAM_WINDOW = 256 << 10

export const KIND = {
  hello: 1,
  reply: 2,
  failure: 3,
  stdout: 4,
  stderr: 5,
  progress: 6,
  cancel: 8,
  stdin: 9,
  credit: 10,
  list: 16,
  hash: 17,
  pack: 18,
  index: 19,
  clone: 20,
  flatten: 21,
  read: 22,
  lock: 23,
  probe: 32,
  begin: 33,
  unpack: 34,
  step: 35,
  seal: 36,
  remove: 37,
  measure: 38,
} as const

// The words between Node and the native code. native/protocol.ts says the same; test/native/protocol.test.ts compares the two files.
// A frame is: u32 length of what follows, u32 request id, u8 kind, body. The bodies are described in native/requests.ts.
#pragma once
#include <cstdint>

namespace tsbuild {

constexpr uint32_t kProtocolVersion = 3;
constexpr uint32_t kMaxFrame = 256u << 20;
constexpr uint32_t kStreamWindow = 256u << 10;  // bytes a request may have under way before a CREDIT: output, and as many of input

enum class Kind : uint8_t {
  // helper -> Node
  kHello = 1,     // u32 protocol version, bytes package version, bytes uid_map, bytes gid_map
  kReply = 2,     // body of the reply
  kFailure = 3,   // i32 errno, bytes call, bytes path
  kStdout = 4,    // raw bytes
  kStderr = 5,    // raw bytes
  kProgress = 6,  // u64 bytes done so far
  // Node -> helper, about a request that runs
  kCancel = 8,
  kStdin = 9,    // raw bytes; empty means end of input
  kCredit = 10,  // u32 bytes of output consumed; from the helper: bytes of stdin the command has taken
  // requests without namespaces (addon, plain helper, helper)
  kList = 16,
  kHash = 17,
  kPack = 18,
  kIndex = 19,
  kClone = 20,
  kFlatten = 21,
  kRead = 22,
  kLock = 23,  // plain helper only: kProgress 0 when somebody else has it, kProgress 1 once it is held, which lasts until kCancel
  // requests of the helper only
  kProbe = 32,
  kBegin = 33,
  kUnpack = 34,
  kStep = 35,
  kSeal = 36,
  kRemove = 37,
  kMeasure = 38,
};

}  // namespace tsbuild

// The compression function of SHA-256 over whole 64-byte blocks; sha256.cc picks the one that this processor can run.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tsbuild {

using Sha256Blocks = void (*)(uint32_t state[8], const uint8_t* blocks, size_t count);

extern const uint32_t kSha256Constants[64];  // FIPS 180-4, 4.2.2
void sha256_blocks_portable(uint32_t state[8], const uint8_t* blocks, size_t count);
#if defined(__x86_64__)
void sha256_blocks_shani(uint32_t state[8], const uint8_t* blocks, size_t count);
bool have_shani();
#endif

}  // namespace tsbuild

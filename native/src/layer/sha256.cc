#include "layer/sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "layer/sha256-blocks.h"

namespace tsbuild {

const uint32_t kSha256Constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

namespace {

uint32_t load_big(const uint8_t* bytes) {
  uint32_t value;
  std::memcpy(&value, bytes, sizeof value);
  return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
}

Sha256Blocks pick() {
#if defined(__x86_64__)
  if (have_shani()) return sha256_blocks_shani;
#endif
  return sha256_blocks_portable;
}

void blocks(uint32_t state[8], const uint8_t* data, size_t count) {
  static const Sha256Blocks run = pick();
  run(state, data, count);
}

}  // namespace

void sha256_blocks_portable(uint32_t state[8], const uint8_t* data, size_t count) {
  for (; count > 0; count--, data += 64) {
    uint32_t w[64];
    for (int t = 0; t < 16; t++) w[t] = load_big(data + 4 * t);
    for (int t = 16; t < 64; t++) {
      const uint32_t s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
      const uint32_t s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
      w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
    for (int t = 0; t < 64; t++) {
      const uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + kSha256Constants[t] + w[t];
      const uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e, state[5] += f, state[6] += g, state[7] += h;
  }
}

void Sha256::update(const void* data, size_t size) {
  const uint8_t* next = static_cast<const uint8_t*>(data);
  size_t held = size_ % 64;
  size_ += size;
  if (held > 0) {
    const size_t take = std::min(size, 64 - held);
    std::memcpy(block_ + held, next, take);
    next += take;
    size -= take;
    if (held + take < 64) return;
    blocks(state_.data(), block_, 1);
  }
  if (size >= 64) blocks(state_.data(), next, size / 64);
  if (size % 64 != 0) std::memcpy(block_, next + (size - size % 64), size % 64);
}

Digest Sha256::finish() {
  const uint64_t bits = size_ * 8;
  static constexpr uint8_t kPadding[64] = {0x80};
  update(kPadding, 1 + (119 - size_ % 64) % 64);
  uint8_t length[8];
  for (int i = 0; i < 8; i++) length[i] = static_cast<uint8_t>(bits >> (56 - 8 * i));
  update(length, sizeof length);
  Digest digest;
  for (size_t i = 0; i < digest.size(); i++) digest[i] = static_cast<uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

Digest sha256_of(std::string_view data) {
  Sha256 hash;
  hash.update(data);
  return hash.finish();
}

}  // namespace tsbuild

#include "step-spec.h"

namespace tsbuild {

static std::vector<std::string> read_words(Reader& body) {
  std::vector<std::string> words(body.count());
  for (std::string& word : words) word = body.bytes();
  return words;
}

static bool has_zero(const std::vector<std::string>& words) {
  for (const std::string& word : words)
    if (word.find('\0') != std::string::npos) return true;
  return false;
}

Result<StepSpec> read_step(Reader& body) {
  Result<Tree> tree = read_tree(body);
  if (!tree.ok()) return tree.failure();
  StepSpec spec;
  spec.tree = std::move(tree.value());
  spec.argv = read_words(body);
  spec.env = read_words(body);
  Confinement& wanted = spec.confinement;
  wanted.cwd = body.bytes();
  wanted.uid = body.u32();
  wanted.gid = body.u32();
  wanted.groups.resize(body.count());
  for (uint32_t& group : wanted.groups) group = body.u32();
  wanted.hostname = body.bytes();
  wanted.own_network = body.u8() != 0;
  spec.hosts = body.bytes();
  spec.resolv_conf = body.bytes();
  wanted.no_new_privileges = body.u8() != 0;
  spec.input = body.u8() != 0;
  wanted.insecure = body.u8() != 0;
  spec.shm_size = body.u64();
  wanted.limits.resize(body.count());
  for (Limit& limit : wanted.limits) limit = {body.u32(), body.u64(), body.u64()};
  Result<std::vector<StepMount>> mounts = read_mounts(body);
  if (!mounts.ok()) return mounts.failure();
  spec.mounts = std::move(mounts.value());
  spec.emulation = read_emulation(body);
  if (!body.finished() || spec.argv.empty()) return Failure{EPROTO, "step", {}};
  if (has_zero(spec.argv) || has_zero(spec.env) || has_zero({wanted.cwd, spec.emulation.emulator})) return Failure{EINVAL, "step", "a zero byte in a word"};
  return spec;
}

}  // namespace tsbuild

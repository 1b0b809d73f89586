#include "emulation.h"

#include <sys/personality.h>

#include <string_view>

#include "common/frame.h"
#include "mounts.h"

namespace tsbuild {

// What an ELF header says of an architecture: elf(5). `wide` is ELFCLASS64, `big` ELFDATA2MSB, `machine` e_machine.
struct Machine {
  const char* architecture;
  bool wide;
  bool big;
  uint16_t machine;
};
constexpr Machine kMachines[] = {{"amd64", true, false, 62},   {"386", false, false, 3},      {"arm64", true, false, 183},   {"arm", false, false, 40},
                                 {"riscv64", true, false, 243}, {"ppc64le", true, false, 21},  {"ppc64", true, true, 21},     {"s390x", true, true, 22},
                                 {"loong64", true, false, 258}, {"mips64le", true, false, 8},  {"mips64", true, true, 8},     {"mipsle", false, false, 8},
                                 {"mips", false, true, 8}};
// As if the program were run directly: argv[0] is kept (P), it need not be readable (O), its setuid bit counts (C). The emulator is opened now (F).
constexpr const char* kFlags = "POCF";

static const Machine* find_machine(std::string_view architecture) {
  for (const Machine& machine : kMachines)
    if (architecture == machine.architecture) return &machine;
  return nullptr;
}

static std::string escaped(std::string_view bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

static std::string half(uint16_t value, bool big) {
  char low = static_cast<char>(value & 255), high = static_cast<char>(value >> 8);
  return big ? std::string{high, low} : std::string{low, high};
}

// The first 20 bytes of a header. Any operating system is taken, and both kinds of executables: ET_EXEC is 2, ET_DYN 3.
static std::string registration(const Machine& machine, int emulator) {
  std::string magic{"\x7f" "ELF"};
  magic += {static_cast<char>(machine.wide ? 2 : 1), static_cast<char>(machine.big ? 2 : 1), 1};
  magic.append(9, '\0');
  magic += half(2, machine.big) + half(machine.machine, machine.big);
  std::string mask(7, '\xff');
  mask += '\0';
  mask += std::string(8, '\xff') + half(0xfffe, machine.big) + std::string(2, '\xff');
  return std::string(":tsbuild-") + machine.architecture + ":M::" + escaped(magic) + ':' + escaped(mask) + ":/proc/self/fd/" + std::to_string(emulator) + ':' + kFlags;
}

static bool is_own([[maybe_unused]] const std::string& architecture) {
#if defined(__aarch64__)
  // Refused by processors without AArch32: arch/arm64/kernel/sys.c.
  int before = architecture == "arm" ? ::personality(PER_LINUX32) : -1;
  if (before >= 0) return ::personality(static_cast<unsigned long>(before)) >= 0;
#endif
  return false;
}

static Status add_registration(const Fd& instance, const Machine& machine, const std::string& path) {
  Result<Fd> emulator = copy_mount(AT_FDCWD, path.c_str(), false);
  if (!emulator.ok()) return Failure{emulator.failure().error, "emulation", path};
  Status status = restrict_mount(emulator.value(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, false);
  if (!status.ok()) return Failure{status.failure().error, "emulation", path};
  Fd door(::openat(instance.get(), "register", O_WRONLY | O_CLOEXEC));
  if (!door.valid()) return Failure{errno, "emulation", "binfmt_misc"};
  std::string line = registration(machine, emulator.value().get());
  // One write is one registration; its errors are those of opening the emulator.
  if (::write(door.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) return Failure{errno, "emulation", path};
  return done();
}

static Result<Fd> new_instance() { return new_mount("binfmt_misc", {}, kNoSetidDevExec); }

Emulation read_emulation(Reader& body) {
  Emulation wanted;
  wanted.architecture = body.bytes();
  wanted.emulator = body.bytes();
  wanted.may_use_host = body.u8() != 0;
  return wanted;
}

Status add_emulation(int covered, const Emulation& wanted, bool own_user_namespace) {
  if (wanted.architecture.empty() || wanted.emulator.empty() || is_own(wanted.architecture)) return done();
  const Machine* machine = find_machine(wanted.architecture);
  if (machine == nullptr) return Failure{EINVAL, "emulation", wanted.architecture};
  // Without a user namespace of our own it would be the machine's instance that we change.
  Result<Fd> instance = own_user_namespace ? new_instance() : Result<Fd>(Failure{EPERM, "emulation", "binfmt_misc"});
  if (!instance.ok()) return wanted.may_use_host ? done() : Status(Failure{instance.failure().error, "emulation", "binfmt_misc"});
  Status status = attach_mount(instance.value(), covered);
  if (status.ok()) status = add_registration(instance.value(), *machine, wanted.emulator);
  return status.ok() ? restrict_mount(instance.value(), MOUNT_ATTR_RDONLY, false) : status;
}

Status try_emulation() {
  Result<Fd> instance = new_instance();
  return instance.ok() ? done() : Status(instance.failure());
}

}  // namespace tsbuild

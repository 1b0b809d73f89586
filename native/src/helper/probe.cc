// What this place allows, tried out in namespaces that end with the request.
#include <sys/stat.h>
#include <sys/vfs.h>

#include "common/text-file.h"
#include "emulation.h"
#include "handlers.h"
#include "id-map.h"
#include "landlock.h"
#include "mounts.h"
#include "probe.h"
#include "reason.h"
#include "userns.h"

namespace tsbuild {

static Fact fact_of(const char* name, const Status& status, std::string detail) {
  return status.ok() ? Fact{name, true, std::move(detail)} : Fact{name, false, text_of(status.failure())};
}

static std::string count_text(const Extents& extents, const char* what) {
  uint64_t count = count_ids(extents);
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

// Where a map holds every id there is, its size says nothing: user_namespaces(7), 4294967295 is no id.
static std::string map_text(const IdMap& map) {
  if (count_ids(map.users) >= UINT32_MAX && count_ids(map.groups) >= UINT32_MAX) return "all ids";
  return count_text(map.users, "user id") + ", " + count_text(map.groups, "group id");
}

// Not ok when there could be more: one id only, or those of the machine itself.
static Fact probe_ids(const Place& place) {
  Result<IdMap> map = current_map();
  if (!map.ok()) return {"ids", false, text_of(map.failure())};
  bool is_best = (place.ids == Place::Ids::kOwn || place.ids == Place::Ids::kRanges) && count_ids(map.value().users) > 1;
  std::string detail = std::string(name_of(place.ids)) + ": " + map_text(map.value());
  if (!is_best && !place.passed_over.empty()) detail += " (" + place.passed_over + ')';
  return {"ids", is_best, detail};
}

static Fact probe_user_namespace(const Place& place) {
  if (place.user_namespace()) return {"user namespace", true, ""};
  return {"user namespace", false, "not to be had here; steps run as the root of this machine with Docker's capabilities"};
}

static Status try_proc() {
  Result<Fd> proc = new_mount("proc", {}, kNoSetidDevExec);
  return proc.ok() ? done() : Status(proc.failure());
}

static Fact probe_seccomp() {
  Result<std::string> actions = read_text_file("/proc/sys/kernel/seccomp/actions_avail");
  if (!actions.ok()) return {"seccomp", false, text_of(actions.failure())};
  bool errno_action = actions.value().find("errno") != std::string::npos;
  return {"seccomp", errno_action, split(actions.value(), '\n')[0]};
}

static Fact probe_landlock() {
  int abi = landlock_abi();
  return {"landlock", abi >= 6, abi == 0 ? "none" : "ABI " + std::to_string(abi) + (abi >= 6 ? "" : ": abstract unix sockets of the host are in reach")};
}

// Delegated: our own group of the one hierarchy may be divided by us. cgroups(7), "Cgroups delegation".
static Fact probe_cgroup() {
  Result<std::string> own = read_text_file("/proc/self/cgroup");
  if (!own.ok()) return {"cgroup", false, text_of(own.failure())};
  for (const std::string& line : split(own.value(), '\n')) {
    if (!line.starts_with("0::")) continue;
    std::string folder = "/sys/fs/cgroup" + line.substr(3);
    struct statfs kind;
    if (::statfs(folder.c_str(), &kind) != 0) return {"cgroup", false, text_of(errno_failure("statfs", folder))};
    if (kind.f_type != 0x63677270) return {"cgroup", false, "no cgroup v2 at " + folder};
    bool writable = ::access((folder + "/cgroup.subtree_control").c_str(), W_OK) == 0 && ::access((folder + "/cgroup.procs").c_str(), W_OK) == 0;
    Result<std::string> controllers = read_text_file(folder + "/cgroup.controllers");
    return {"cgroup", writable, (writable ? "delegated: " : "not writable: ") + (controllers.ok() ? split(controllers.value(), '\n')[0] : "")};
  }
  return {"cgroup", false, "no cgroup v2"};
}

static Fact probe_keyring() {
  bool joined = ::syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, "tsbuild") >= 0;
  return fact_of("keyring", joined ? done() : Status(errno_failure("keyctl")), "");
}

static Fact probe_tun() {
  Fd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  return fact_of("tun", tun.valid() ? done() : Status(errno_failure("open", "/dev/net/tun")), "");
}

// Without a user namespace it would be the machine's instance that steps register with.
static Fact probe_emulation(const Place& place) {
  if (!place.user_namespace()) return {"emulation", false, "no user namespace to register emulators in"};
  return fact_of("emulation", try_emulation(), "");
}

Result<std::string> handle_probe(Reader& body, Channel& channel) {
  std::string scratch = body.bytes();
  if (!body.finished()) return Failure{EPROTO, "probe", {}};
  std::vector<Fact> facts{probe_ids(channel.place()), probe_user_namespace(channel.place()), fact_of("proc", try_proc(), "")};
  if (!scratch.empty())
    for (Fact& fact : probe_overlay(scratch)) facts.push_back(std::move(fact));
  facts.push_back(probe_emulation(channel.place()));
  for (Fact (*probe)() : {probe_seccomp, probe_landlock, probe_cgroup, probe_keyring, probe_tun}) facts.push_back(probe());
  Writer w;
  w.u32(static_cast<uint32_t>(facts.size()));
  for (const Fact& fact : facts) {
    w.bytes(fact.name);
    w.u8(fact.ok ? 1 : 0);
    w.bytes(fact.detail);
  }
  return w.take();
}

}  // namespace tsbuild

#include "id-map.h"

#include <sys/stat.h>

#include <cstdio>

#include "common/text-file.h"
#include "caps.h"
#include "spawn.h"

namespace tsbuild {

static Result<Extents> parse_extents(const std::string& path) {
  Result<std::string> text = read_text_file(path);
  if (!text.ok()) return text.failure();
  Extents extents;
  for (const std::string& line : split(text.value(), '\n')) {
    Extent extent{};
    if (std::sscanf(line.c_str(), "%u %u %u", &extent.inside, &extent.outside, &extent.count) == 3) extents.push_back(extent);
  }
  if (extents.empty()) return Failure{EINVAL, "no ids are mapped", path};
  return extents;
}

Result<IdMap> current_map() {
  Result<Extents> users = parse_extents("/proc/self/uid_map");
  if (!users.ok()) return users.failure();
  Result<Extents> groups = parse_extents("/proc/self/gid_map");
  if (!groups.ok()) return groups.failure();
  return IdMap{Place::Ids::kOwn, std::move(users.value()), std::move(groups.value())};
}

Extents identity_of(const Extents& extents) {
  Extents same;
  for (const Extent& extent : extents) same.push_back({extent.inside, extent.inside, extent.count});
  return same;
}

bool contains(const Extents& extents, uint32_t inside) {
  for (const Extent& extent : extents)
    if (inside >= extent.inside && inside - extent.inside < extent.count) return true;
  return false;
}

uint64_t count_ids(const Extents& extents) {
  uint64_t count = 0;
  for (const Extent& extent : extents) count += extent.count;
  return count;
}

static Result<IdMap> own_map() {
  if (::geteuid() != 0) return Failure{EPERM, "own ids: not root", {}};
  if (!has_effective_cap(CAP_SETUID) || !has_effective_cap(CAP_SETGID)) return Failure{EPERM, "own ids: CAP_SETUID and CAP_SETGID are missing", {}};
  Result<IdMap> map = current_map();
  if (!map.ok()) return map.failure();
  return IdMap{Place::Ids::kOwn, identity_of(map.value().users), identity_of(map.value().groups)};
}

// getpwuid(3) would load NSS modules, which a static program cannot.
static std::string name_of_caller() {
  Result<std::string> text = read_text_file("/etc/passwd");
  if (!text.ok()) return {};
  std::string uid = std::to_string(::getuid());
  for (const std::string& line : split(text.value(), '\n')) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() > 2 && fields[2] == uid) return fields[0];
  }
  return {};
}

// Both files name the user, never the group; a line is "name or uid:first:count".
static Result<Extents> ranges_of(const std::string& path, const std::string& name, uint32_t caller) {
  Result<std::string> text = read_text_file(path);
  if (!text.ok()) return text.failure();
  Extents extents{{0, caller, 1}};
  uint32_t next = 1;
  for (const std::string& line : split(text.value(), '\n')) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() != 3 || fields[0].empty() || (fields[0] != name && fields[0] != std::to_string(::getuid()))) continue;
    Extent extent{next, 0, 0};
    if (std::sscanf((fields[1] + ' ' + fields[2]).c_str(), "%u %u", &extent.outside, &extent.count) != 2 || extent.count == 0) continue;
    if (extent.count > UINT32_MAX - next) break;
    extents.push_back(extent);
    next += extent.count;
  }
  if (extents.size() == 1) return Failure{ENOENT, "no ranges for this user", path};
  return extents;
}

static std::string find_program(const std::string& name) {
  for (const char* folder : {"/usr/bin/", "/bin/", "/usr/sbin/", "/usr/local/bin/", "/run/wrappers/bin/"}) {
    std::string path = folder + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  const char* search = ::getenv("PATH");
  for (const std::string& folder : split(search == nullptr ? "" : search, ':')) {
    std::string path = folder + "/" + name;
    if (folder.starts_with('/') && ::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

static Result<IdMap> ranges_map() {
  std::string name = name_of_caller();
  Result<Extents> users = ranges_of("/etc/subuid", name, ::getuid());
  if (!users.ok()) return users.failure();
  Result<Extents> groups = ranges_of("/etc/subgid", name, ::getgid());
  if (!groups.ok()) return groups.failure();
  for (const char* program : {"newuidmap", "newgidmap"})
    if (find_program(program).empty()) return Failure{ENOENT, "not installed", program};
  return IdMap{Place::Ids::kRanges, std::move(users.value()), std::move(groups.value())};
}

Result<IdMap> plan_map(Place::Ids ids) {
  if (ids == Place::Ids::kOwn) return own_map();
  if (ids == Place::Ids::kRanges) return ranges_map();
  return IdMap{Place::Ids::kSingle, {{0, ::geteuid(), 1}}, {{0, ::getegid(), 1}}};
}

static Result<Child> start_map_program(const char* name, pid_t pid, const Extents& extents) {
  std::vector<std::string> argv{name, std::to_string(pid)};
  for (const Extent& extent : extents)
    for (uint32_t number : {extent.inside, extent.outside, extent.count}) argv.push_back(std::to_string(number));
  return spawn_program(find_program(name), argv);
}

static Status await_map_program(Result<Child>& child, const char* name) {
  if (!child.ok()) return child.failure();
  Result<Ended> ended = wait_for(child.value().process);
  if (!ended.ok()) return ended.failure();
  if (ended.value().exit != 0 || ended.value().signal != 0) return Failure{EPERM, name, "exit status " + std::to_string(ended.value().exit)};
  return done();
}

static Status write_extents(const std::string& path, const Extents& extents) {
  std::string text;
  for (const Extent& extent : extents) {
    text += std::to_string(extent.inside) + ' ' + std::to_string(extent.outside) + ' ' + std::to_string(extent.count) + '\n';
  }
  return write_text_file(path, text);
}

Status write_map(pid_t pid, const IdMap& map) {
  if (map.ids == Place::Ids::kRanges) {
    Result<Child> users = start_map_program("newuidmap", pid, map.users);
    Result<Child> groups = start_map_program("newgidmap", pid, map.groups);
    Status first = await_map_program(users, "newuidmap");
    Status second = await_map_program(groups, "newgidmap");
    return first.ok() ? second : first;
  }
  std::string folder = "/proc/" + std::to_string(pid);
  if (map.ids == Place::Ids::kSingle) {
    // Without it an unprivileged gid_map is refused since Linux 3.19: a group could otherwise be dropped that takes rights away.
    Status denied = write_text_file(folder + "/setgroups", "deny");
    if (!denied.ok()) return denied;
  }
  Status users = write_extents(folder + "/uid_map", map.users);
  if (!users.ok()) return users;
  return write_extents(folder + "/gid_map", map.groups);
}

}  // namespace tsbuild

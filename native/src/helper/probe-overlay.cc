#include <sys/stat.h>

#include <cstring>

#include "mounts.h"
#include "probe.h"

namespace tsbuild {

using Directories = MountOptions;

static Status try_overlay(const MountOptions& options, const char* flag) {
  Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context.valid()) return errno_failure("fsopen", "overlay");
  for (const auto& [key, value] : options)
    if (::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0) return errno_failure("fsconfig", key);
  if (::fsconfig(context.get(), FSCONFIG_SET_FLAG, "userxattr", nullptr, 0) != 0) return errno_failure("fsconfig", "userxattr");
  if (flag != nullptr && ::fsconfig(context.get(), FSCONFIG_SET_FLAG, flag, nullptr, 0) != 0) return errno_failure("fsconfig", flag);
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return errno_failure("fsconfig", "overlay");
  return done();
}

// A tmpfs over /tmp of this request's own mount namespace, with three empty directories in it.
static Status make_scratch() {
  Result<Fd> scratch = new_mount("tmpfs", {{"size", "1m"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (!scratch.ok()) return scratch.failure();
  for (const char* name : {"lower", "upper", "work", "upper2", "work2"})
    if (::mkdirat(scratch.value().get(), name, 0755) != 0) return errno_failure("mkdirat", name);
  Fd target(::open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!target.valid()) target.reset(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  Status attached = attach_mount(scratch.value(), target.get());
  if (!attached.ok()) return attached;
  return ::fchdir(scratch.value().get()) == 0 ? done() : Status(errno_failure("fchdir"));
}

std::vector<Fact> probe_overlay() {
  Status scratch = make_scratch();
  Status plain = scratch.ok() ? try_overlay({{"lowerdir", "lower"}, {"upperdir", "upper"}, {"workdir", "work"}}, nullptr) : scratch;
  Status one_by_one = scratch.ok() ? try_overlay({{"lowerdir+", "lower"}, {"upperdir", "upper2"}, {"workdir", "work2"}}, "volatile") : scratch;
  std::vector<Fact> facts;
  for (const auto& [name, status] : {std::pair{"overlay", &plain}, {"overlay lowerdir+ volatile", &one_by_one}}) {
    const Failure* failure = status->ok() ? nullptr : &status->failure();
    facts.push_back({name, failure == nullptr, failure == nullptr ? "" : std::string(::strerrorname_np(failure->error)) + ": " + failure->call + ' ' + failure->path});
  }
  return facts;
}

}  // namespace tsbuild

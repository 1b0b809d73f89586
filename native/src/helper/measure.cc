#include "helper/measure.h"

#include <sys/stat.h>

#include <set>
#include <utility>
#include <vector>

#include "helper/walk.h"

namespace tsbuild {
namespace {

constexpr uint64_t kBlock = 512;  // of st_blocks, whatever the file system's are: stat(2)

using Identity = std::pair<dev_t, ino_t>;

// A directory under way. Only the innermost is open: the others are reached again through "..", which works at any depth.
struct Frame {
  Identity identity;
  std::vector<std::string> directories;  // still to be measured
};

class Measure {
 public:
  uint64_t of(const std::string& path) {
    count(AT_FDCWD, path);
    Fd top(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (top.valid()) walk(std::move(top));
    return bytes_;
  }

 private:
  // Adds one name; true for a directory.
  bool count(int directory, const std::string& name) {
    struct stat stat;
    if (fstatat(directory, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) return false;
    bool is_directory = S_ISDIR(stat.st_mode);
    if (is_directory || stat.st_nlink < 2 || linked_.emplace(stat.st_dev, stat.st_ino).second) bytes_ += static_cast<uint64_t>(stat.st_blocks) * kBlock;
    return is_directory;
  }

  Frame enter(int directory) {
    Frame frame{identity_of(directory), {}};
    Result<std::vector<std::string>> names = names_of(directory, ".");
    if (!names.ok()) return frame;
    for (std::string& name : names.value())
      if (count(directory, name)) frame.directories.push_back(std::move(name));
    return frame;
  }

  void walk(Fd directory) {
    std::vector<Frame> frames;
    frames.push_back(enter(directory.get()));
    for (;;) {
      std::vector<std::string>& left = frames.back().directories;
      if (!left.empty()) {
        Result<Fd> child = open_strictly(directory.get(), left.back(), O_RDONLY | O_DIRECTORY);
        left.pop_back();
        if (!child.ok()) continue;
        directory = std::move(child.value());
        frames.push_back(enter(directory.get()));
        continue;
      }
      frames.pop_back();
      if (frames.empty()) return;
      directory = Fd(openat(directory.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!directory.valid() || identity_of(directory.get()) != frames.back().identity) return;  // moved: its way back leads elsewhere
    }
  }

  static Identity identity_of(int fd) {
    struct stat stat;
    return fstat(fd, &stat) == 0 ? Identity{stat.st_dev, stat.st_ino} : Identity{0, 0};
  }

  uint64_t bytes_ = 0;
  std::set<Identity> linked_;
};

}  // namespace

Result<std::string> handle_measure(Reader& body, Channel&) {
  std::vector<std::string> paths;
  uint32_t count = body.count();
  for (uint32_t i = 0; i < count && !body.bad(); i++) paths.push_back(body.bytes());
  if (!body.finished()) return Failure{EPROTO, "measure request", {}};
  Writer reply;
  reply.u32(count);
  for (const std::string& path : paths) reply.u64(Measure().of(path));
  return reply.take();
}

}  // namespace tsbuild

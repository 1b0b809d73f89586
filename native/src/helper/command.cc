#include "command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text-file.h"

namespace tsbuild {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

static std::string search_path(const std::vector<std::string>& env) {
  for (const std::string& entry : env)
    if (entry.starts_with("PATH=")) return entry.substr(5);
  return kDefaultPath;
}

// execve(2) says ENOENT also of a file that is there, when what it names as its interpreter is not.
static int reason_of(int error, const std::string& path) {
  struct stat found;
  return error == ENOENT && ::stat(path.c_str(), &found) == 0 ? ELIBACC : error;
}

static Failure try_file(const std::string& path, char* const* argv, char* const* env) {
  (void)::execve(path.c_str(), argv, env);  // it came back: errno says why
  return Failure{reason_of(errno, path), "exec", path};
}

Failure run_command(const std::vector<std::string>& argv, const std::vector<std::string>& env) {
  std::vector<char*> words = pointers(argv), variables = pointers(env);
  if (argv[0].find('/') != std::string::npos) return try_file(argv[0], words.data(), variables.data());
  Failure seen{ENOENT, "exec", argv[0]};
  if (argv[0].empty()) return seen;
  for (const std::string& folder : split(search_path(env), ':')) {
    Failure failure = try_file((folder.empty() ? "." : folder) + "/" + argv[0], words.data(), variables.data());
    if (failure.error == ENOENT || failure.error == ENOTDIR) continue;
    if (failure.error != EACCES) return failure;
    seen = std::move(failure);  // as execvp(3): a later folder may still have it
  }
  return seen;
}

}  // namespace tsbuild

// The command of a step: finding and starting it.
#pragma once
#include <string>
#include <vector>

#include "common/failure.h"

namespace tsbuild {

// Replaces this process. Returns only when that fails; `call` is then "exec", `path` the file (or the word, when nothing of that name is in PATH), and
// the errno ENOENT: there is none; EACCES: no permission; ELIBACC: its interpreter or loader does not exist; ENOEXEC: no program for this machine.
Failure run_command(const std::vector<std::string>& argv, const std::vector<std::string>& env);

}  // namespace tsbuild

// A failure in words, for the facts that people read. Errors of requests travel as they are: their text is made in TypeScript.
#pragma once
#include <string>

#include "common/failure.h"

namespace tsbuild {

// "EPERM: clone3", "no ranges for this user (/etc/subuid)".
std::string text_of(const Failure& failure);

}  // namespace tsbuild

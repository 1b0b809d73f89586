// How the helper comes into its namespaces. Two processes: the launcher stays outside and writes the id map; the helper is pid 1 of its own user, mount
// and pid namespaces, so that its end is, by kernel rule, the end of every step, setuid programs included (a parent-death signal would not reach those).
#pragma once
#include <functional>
#include <vector>

#include "common/fd.h"
#include "channel.h"

namespace tsbuild {

// The kinds of ids to try, the best first.
std::vector<Place::Ids> parse_ids(const std::string& word);

const char* name_of(Place::Ids ids);

// Runs `serve` in the new namespaces and waits for its end. `launcher` of `serve` reaches its end of file when this process dies.
// Fails, with the reason of the last kind of user namespace, which asks for least, when no kind of ids is to be had; `serve` has not run then.
Status launch(const std::vector<Place::Ids>& kinds, const std::function<Status(const Place& place, Fd launcher)>& serve);

}  // namespace tsbuild

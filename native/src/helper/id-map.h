// Which ids a user namespace gets: user_namespaces(7), "User and group ID mappings".
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "channel.h"

namespace tsbuild {

struct Extent {
  uint32_t inside;
  uint32_t outside;
  uint32_t count;
};
using Extents = std::vector<Extent>;

struct IdMap {
  Place::Ids ids = Place::Ids::kSingle;
  Extents users;
  Extents groups;
};

// The map this process lives in: /proc/self/uid_map and gid_map.
Result<IdMap> current_map();
// The same ids again. One extent of a map must lie inside one extent of its parent's, so the extents are copied one by one.
Extents identity_of(const Extents& extents);
bool contains(const Extents& extents, uint32_t inside);
uint64_t count_ids(const Extents& extents);

// The map of this kind for the caller, or why there is none. kOwn: all ids that root has here. kRanges: uid and gid of the caller as 0, then its
// lines of /etc/subuid and /etc/subgid (subuid(5)) from 1 on. kSingle: only the caller, as 0.
Result<IdMap> plan_map(Place::Ids ids);

// Gives `pid`, the first process of a new user namespace below ours, its map. Through newuidmap(1) and newgidmap(1), at the same time, for ranges.
Status write_map(pid_t pid, const IdMap& map);

}  // namespace tsbuild

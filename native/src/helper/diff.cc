#include "helper/diff.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "helper/compare.h"
#include "helper/metadata-walk.h"
#include "helper/overlay.h"

namespace tsbuild {
namespace {

// No layer holds these: a socket is of a process that is gone, and 0:0 is how overlayfs says "deleted".
bool is_left_out(const Stat& stat) { return stat.format() == S_IFSOCK || stat.is_whiteout(); }

// A directory that is new, replaced or opaque: what is below it is compared with nothing.
class Hidden {
 public:
  void begin(const std::string& path) {
    if (!covers(path)) prefix_ = path + '/';
  }
  bool covers(const std::string& path) const { return !prefix_.empty() && path.starts_with(prefix_); }

 private:
  std::string prefix_;  // the walk is depth first, so one at a time is enough
};

struct Differ {
  ChangeSet& set;
  Hidden hidden;

  void add(const std::string& path, Change::Kind kind, const Stat& stat, bool same_file = false) {
    set.changes.push_back({path, kind, stat, same_file, {}});
  }
  void add_new(const std::string& path, const Stat& stat) {
    add(path, Change::Kind::kChanged, stat);
    if (stat.is_directory()) hidden.begin(path);
  }
  void add_opaque(const std::string& path, const Stat& stat) {
    add_new(path, stat);
    add(path, Change::Kind::kOpaque, {});
  }
};

// What was at `path` before and could be in a layer.
Result<std::optional<Stat>> stat_before(const ChangeSet& set, const std::string& path) {
  if (!set.before.valid()) return std::optional<Stat>();
  Result<Stat> stat = stat_below(set.before.get(), path);
  if (stat.ok()) return is_left_out(stat.value()) ? std::optional<Stat>() : std::optional<Stat>(stat.value());
  if (stat.failure().error == ENOENT || stat.failure().error == ENOTDIR) return std::optional<Stat>();
  return stat.failure();
}

// Both sides have `path`, with the same type.
Status add_compared(Differ& differ, const std::string& path, const Stat& stat, const Stat& before, std::optional<bool> same_file) {
  Result<Compared> compared = compare_files(differ.set.now.get(), stat, differ.set.form, differ.set.before.get(), before, path);
  if (!compared.ok()) return compared.failure();
  if (compared.value().opaque || (stat.is_directory() && same_file == false)) {
    differ.add_opaque(path, stat);
    return done();
  }
  // overlayfs puts no mark on a copy of a file that had more than one name, nor on what cannot have xattrs.
  bool copied_up = compared.value().origin || before.links > 1 || stat.format() != S_IFREG;
  differ.add(path, compared.value().same ? Change::Kind::kSame : Change::Kind::kChanged, stat, same_file.value_or(copied_up));
  return done();
}

// A tree without a parent began as an empty directory 0755 of root (begin.h).
void add_first_root(Differ& differ, const Stat& stat) {
  bool same = stat.mode == (S_IFDIR | 0755) && stat.uid == 0 && stat.gid == 0;
  differ.add("", same ? Change::Kind::kSame : Change::Kind::kChanged, stat);
}

// Everything in an upper was made or copied up.
Result<bool> visit_upper(Differ& differ, const std::string& path, const Stat& stat) {
  if (path.empty() && !differ.set.before.valid()) {
    add_first_root(differ, stat);
    return true;
  }
  std::optional<Stat> before;
  if (!differ.hidden.covers(path)) {
    Result<std::optional<Stat>> found = stat_before(differ.set, path);
    if (!found.ok()) return found.failure();
    before = found.value();
  }
  if (is_left_out(stat)) {
    if (before) differ.add(path, Change::Kind::kWhiteout, {});
    return false;
  }
  if (!before || before->format() != stat.format()) {
    differ.add_new(path, stat);
    return true;
  }
  if (Status added = add_compared(differ, path, stat, *before, std::nullopt); !added.ok()) return added.failure();
  return true;
}

// A copied tree has everything; its marks tell what was touched. What is found is taken out of `marks`, so that the deleted remain.
Result<bool> visit_copy(Differ& differ, Marks& marks, std::unordered_set<std::string>& kept, const std::string& path, const Stat& stat) {
  if (path.empty() && !differ.set.before.valid()) {
    add_first_root(differ, stat);
    return true;
  }
  if (is_left_out(stat)) return false;
  auto mark = differ.hidden.covers(path) ? Marks::node_type() : marks.extract(path);
  if (mark.empty() || (mark.mapped().mode & S_IFMT) != stat.format()) {
    differ.add_new(path, stat);
    return true;
  }
  Mark now = mark_of(stat);
  bool same_file = mark.mapped().is_file(now);
  if (stat.is_directory() && same_file) kept.insert(path);
  if (mark.mapped() == now) {
    if (stat.is_directory()) differ.add(path, Change::Kind::kSame, stat, true);
    return true;
  }
  Result<std::optional<Stat>> before = stat_before(differ.set, path);
  if (!before.ok()) return before.failure();
  if (!before.value()) {
    differ.add_new(path, stat);
    return true;
  }
  if (Status added = add_compared(differ, path, stat, *before.value(), same_file); !added.ok()) return added.failure();
  return true;
}

void add_deleted(Differ& differ, const Marks& left, const std::unordered_set<std::string>& kept) {
  for (const auto& [path, mark] : left) {
    bool socket = (mark.mode & S_IFMT) == S_IFSOCK;
    bool whiteout = (mark.mode & S_IFMT) == S_IFCHR && mark.rdev_major == 0 && mark.rdev_minor == 0;
    if (path.empty() || socket || whiteout) continue;
    if (kept.contains(std::string(parent_of(path)))) differ.add(path, Change::Kind::kWhiteout, {});
  }
}

Status walk_copy(const Tree& tree, Differ& differ) {
  Result<Marks> marks = read_marks(tree.active + "/walk");
  if (!marks.ok()) return marks.failure();
  std::unordered_set<std::string> kept;
  Status walked = walk_tree(differ.set.now.get(), [&](const std::string& path, const Stat& stat) {
    return visit_copy(differ, marks.value(), kept, path, stat);
  });
  if (walked.ok()) add_deleted(differ, marks.value(), kept);
  return walked;
}

// A key whose order is that of the layer: names compare by bytes, one level after the other, and within a directory the opaque mark comes first,
// then the whiteouts, then the names. No name holds a zero byte.
std::string order_key(const Change& change) {
  std::string key;
  bool entry = change.kind == Change::Kind::kSame || change.kind == Change::Kind::kChanged;
  if (change.path.empty()) return key + (entry ? '\0' : '\1');
  size_t start = 0;
  for (size_t slash; (slash = change.path.find('/', start)) != std::string::npos; start = slash + 1) {
    key.append(1, '\3').append(change.path, start, slash - start).append(1, '\0');
  }
  if (change.kind == Change::Kind::kOpaque) return key.append(1, '\3').append(change.path, start).append("\0\1", 2);
  return key.append(1, entry ? '\3' : '\2').append(change.path, start);
}

void sort_changes(std::vector<Change>& changes) {
  std::vector<std::pair<std::string, size_t>> keys;
  keys.reserve(changes.size());
  for (size_t i = 0; i < changes.size(); i++) keys.emplace_back(order_key(changes[i]), i);
  std::sort(keys.begin(), keys.end());
  std::vector<Change> sorted;
  sorted.reserve(changes.size());
  for (const auto& [key, index] : keys) sorted.push_back(std::move(changes[index]));
  changes = std::move(sorted);
}

// Names of one file belong together: when one is in the layer all are, even those that are what they were, since a link to a file of a lower layer
// would be a link to another file after the next change.
void join_links(std::vector<Change>& changes) {
  std::unordered_map<uint64_t, std::vector<Change*>> files;
  for (Change& change : changes) {
    bool entry = change.kind == Change::Kind::kSame || change.kind == Change::Kind::kChanged;
    if (entry && change.stat.format() == S_IFREG && change.stat.links > 1) files[change.stat.inode].push_back(&change);
  }
  for (auto& [inode, names] : files) {
    bool changed = std::any_of(names.begin(), names.end(), [](const Change* name) { return name->kind == Change::Kind::kChanged; });
    if (!changed) continue;
    for (Change* name : names) {
      name->kind = Change::Kind::kChanged;
      if (name != names.front()) name->first_name = names.front()->path;
    }
  }
}

// Leaves out what is unchanged, but for the directories above what is not. The root needs no entry as a parent.
void drop_unchanged(ChangeSet& set) {
  std::unordered_set<std::string> parents;
  for (const Change& change : set.changes) {
    if (change.kind == Change::Kind::kSame) continue;
    set.count++;
    std::string parent(parent_of(change.path));
    while (!parent.empty() && parents.insert(parent).second) parent = parent_of(parent);
  }
  std::erase_if(set.changes, [&](const Change& change) { return change.kind == Change::Kind::kSame && !parents.contains(change.path); });
}

Result<Fd> open_before(const Tree& tree) {
  if (tree.lowers.empty()) return Fd();
  return tree.stacking == Stacking::kCopy ? open_folder(tree.lowers.front(), "fs") : mount_lowers(tree);
}

}  // namespace

Result<ChangeSet> find_changes(const Tree& tree) {
  ChangeSet set;
  set.form = tree.stacking == Stacking::kCopy ? XattrForm::kSeen : XattrForm::kUpper;
  Result<Fd> now = open_folder(tree.active, "fs");
  if (!now.ok()) return now.failure();
  set.now = std::move(now.value());
  Result<Fd> before = open_before(tree);
  if (!before.ok()) return before.failure();
  set.before = std::move(before.value());
  Differ differ{set, {}};
  Status walked = done();
  if (tree.stacking == Stacking::kCopy) {
    walked = walk_copy(tree, differ);
  } else {
    walked = walk_tree(set.now.get(), [&](const std::string& path, const Stat& stat) { return visit_upper(differ, path, stat); });
  }
  if (!walked.ok()) return walked.failure();
  sort_changes(set.changes);
  join_links(set.changes);
  drop_unchanged(set);
  return set;
}

}  // namespace tsbuild

// The request "step", readable top to bottom.
#include "folders.h"
#include "handlers.h"
#include "step.h"
#include "stubs.h"

namespace tsbuild {

static Status make_mount_points(const Fd& root, const std::vector<ReadyMount>& mounts, Stubs& stubs) {
  Result<Fd> folder = open_below(root.get(), ".", O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH);  // futimens(2) takes no O_PATH
  if (!folder.ok()) return folder.failure();
  Status status = done();
  for (const char* name : {"proc", "sys", "dev"})
    if (status.ok()) status = stubs.need_directory(folder.value().get(), name);
  for (const char* path : {"etc/hosts", "etc/resolv.conf"})
    if (status.ok()) status = stubs.need_file(folder.value().get(), path);
  return status.ok() ? need_targets(folder.value().get(), mounts, stubs) : status;
}

static Result<Ended> run(const StepSpec& spec, const Fd& root, const std::vector<ReadyMount>& mounts, Channel& channel) {
  Result<RunningStep> step = start_step(spec, root, mounts, channel.place());
  if (!step.ok()) return step.failure();
  return relay(channel, step.value().child.process, std::move(step.value().pipes));
}

Result<std::string> handle_step(Reader& body, Channel& channel) {
  Result<StepSpec> spec = read_step(body);
  if (!spec.ok()) return spec.failure();
  Confinement& wanted = spec.value().confinement;
  wanted.may_set_groups = channel.place().ids != Place::Ids::kSingle;
  Result<IdMap> map = current_map();
  if (!map.ok()) return map.failure();
  Status has_ids = check_ids(wanted, map.value());
  if (!has_ids.ok()) return has_ids.failure();
  Result<MountedTree> tree = mount_tree(spec.value().tree);
  if (!tree.ok()) return tree.failure();
  Status ready = make_workdir(tree.value().root, wanted.cwd, wanted.uid, wanted.gid);
  Stubs stubs;
  Result<std::vector<ReadyMount>> mounts = make_mounts(spec.value().mounts, spec.value().tree.active, map.value());
  if (!mounts.ok()) return mounts.failure();
  if (ready.ok()) ready = make_mount_points(tree.value().root, mounts.value(), stubs);
  Result<Ended> ended = ready.ok() ? run(spec.value(), tree.value().root, mounts.value(), channel) : ready.failure();
  stubs.remove();
  if (!ended.ok()) return ended.failure();
  Writer w;
  w.i32(ended.value().exit);
  w.i32(ended.value().signal);
  return w.take();
}

}  // namespace tsbuild

// Puts a Frame together and encodes it: the hub's thread hands in what happened, and once a tick
// the frame is built in a message that is used again and again.

#ifndef AMDGPU_TELEMETRY_FRAME_BUILDER_H_
#define AMDGPU_TELEMETRY_FRAME_BUILDER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "c_src/base/own_process.h"
#include "proto/telemetry.pb.h"
#include "telemetry/device_state.h"
#include "telemetry/names.h"
#include "telemetry/work_stats.h"

namespace amdgpu::telemetry {

struct FrameFigures {
  std::uint64_t now_ns = 0;
  proto::Pipeline pipeline;
};

// One thread at a time.
class FrameBuilder {
 public:
  // `names` outlives it.
  explicit FrameBuilder(Names& names);

  // What happened since the frame before.
  void AddLaunch(DeviceState& device, const LaunchRecord& launch);
  // They count, and are not listed.
  void AddRun(DeviceState& device, const LaunchRunRecord& run);
  void AddCopy(const DeviceState& device, const CopyRecord& copy);
  void AddCompile(proto::Compile compile);
  void AddEvent(const proto::Event& event);

  using FillCompileStats = std::function<void(proto::CompileStats*)>;
  // Completes the frame; what was added belongs to it.
  void Build(const FrameFigures& figures, const std::vector<std::unique_ptr<DeviceState>>& devices,
             const FillCompileStats& compile_stats);
  // The frame's bytes, at most kMaxFrameBytes: if need be single launches, copies and sketches are
  // left out, and counted. Then begins the next frame.
  void Encode(std::string* bytes);

  const proto::Frame& frame() const { return frame_; }

 private:
  struct Kernel {
    KernelTagRef tag;
    WorkStats work;
    bool named = false;          // the present frame names it
    bool stats_changed = false;  // since it was last in a frame with its sketch
  };

  Kernel* KernelOf(std::uint32_t number);
  // Of launches, for their kernel and its class, which is returned.
  template <typename Record>
  proto::CoreClass AddWork(const Record& record, float occupancy);
  const std::string& LabelOf(std::uint32_t number);
  void NameOwner(std::uint64_t owner);
  void FillRuntime(std::uint64_t now_ns);
  void FillDevices(const FrameFigures& figures, bool each_second,
                   const std::vector<std::unique_ptr<DeviceState>>& devices);
  void FillActive(const std::vector<std::unique_ptr<DeviceState>>& devices);
  void FillKernels(bool each_second, const std::vector<std::unique_ptr<DeviceState>>& devices);
  void FillCoreClasses(bool each_second, const std::vector<std::unique_ptr<DeviceState>>& devices);
  void FillOwners();
  void BeginFrame();

  Names& names_;
  proto::Frame frame_;
  std::uint64_t sequence_ = 0;
  std::uint64_t last_ns_ = 0;
  std::uint64_t next_second_ns_ = 0;
  std::uint64_t next_owners_ns_ = 0;
  const ResidentMemory memory_;
  std::uint64_t cpu_ns_ = 0;
  std::uint64_t cpu_at_ns_ = 0;

  std::vector<std::unique_ptr<Kernel>> kernels_;  // by number; null where there was no launch
  std::size_t sketch_cursor_ = 0;
  std::array<WorkStats, 4> core_classes_;
  std::array<bool, 4> core_classes_changed_{};
  absl::flat_hash_set<std::uint64_t> owners_;  // that the present frame names
  std::vector<std::string> labels_;            // by number, as far as known
  std::uint64_t compile_busy_ns_ = 0;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_FRAME_BUILDER_H_

// What `amdgpu top` shows, gathered from frames: the present of each device, and of kernels and
// owners what they did since the screen was drawn last.

#ifndef AMDGPU_TELEMETRY_CLI_TOP_MODEL_H_
#define AMDGPU_TELEMETRY_CLI_TOP_MODEL_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proto/telemetry.pb.h"

namespace amdgpu::cli {

// Rates are of the time since the snapshot before.
struct KernelRow {
  std::string name;
  proto::CoreClass core_class = proto::CORE_CLASS_UNSPECIFIED;
  std::uint32_t device = 0;
  std::uint64_t queued = 0;
  double launches_per_second = 0;
  double busy_ratio = 0;  // time on the device, added over streams
  double bytes_per_second = 0;
  double flops_per_second = 0;
  std::uint64_t p50_ns = 0;  // since the runtime began
  std::uint64_t p99_ns = 0;
  double occupancy = 0;
  std::uint64_t failed_total = 0;
};

struct OwnerRow {
  std::string process;
  std::string name;
  std::uint64_t bytes = 0;
  std::uint64_t buffers = 0;
  double launches_per_second = 0;  // of those that frames have one by one
};

struct Snapshot {
  proto::Frame frame;  // the newest
  double frames_per_second = 0;
  std::vector<KernelRow> kernels;
  std::vector<OwnerRow> owners;
};

// Not thread-safe.
class TopModel {
 public:
  static constexpr std::size_t kMaxKernels = 4096;
  static constexpr std::size_t kMaxOwners = 4096;

  // Every frame, in order. One of another runtime starts anew.
  void Add(const proto::Frame& frame);
  bool empty() const { return frame_.sequence() == 0; }
  Snapshot Take();

 private:
  struct Kernel {
    proto::KernelStats now;
    proto::Work before;
  };
  struct Owner {
    proto::Owner owner;
    std::uint64_t bytes = 0;
    std::uint64_t buffers = 0;
    std::uint64_t launches = 0;  // since the last snapshot
  };

  proto::Frame frame_;
  std::uint64_t frames_ = 0;
  std::uint64_t taken_ns_ = 0;  // time of the frame that the last snapshot had
  std::map<std::uint32_t, Kernel> kernels_;
  std::map<std::uint64_t, Owner> owners_;
};

}  // namespace amdgpu::cli

#endif  // AMDGPU_TELEMETRY_CLI_TOP_MODEL_H_

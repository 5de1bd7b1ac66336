// What the numbers in records stand for: kernels, labels of launches, owners.

#ifndef AMDGPU_TELEMETRY_NAMES_H_
#define AMDGPU_TELEMETRY_NAMES_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "c_src/base/mutex.h"
#include "proto/telemetry.pb.h"

namespace amdgpu::telemetry {

// A kernel on a device. Lives as long as somebody refers to it.
struct KernelTag {
  std::uint32_t number = 0;
  std::uint32_t device = 0;
  std::string name;
  proto::CoreClass core_class = proto::CORE_CLASS_AURA;
  // Launches ever made; written under its device's lock.
  std::atomic<std::uint64_t> launched{0};

  void CountLaunch() {
    launched.store(launched.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};
using KernelTagRef = std::shared_ptr<KernelTag>;

struct OwnerName {
  std::string process;
  std::string name;
  bool ended = false;
};

// Thread-safe. Bounded: what comes when a table is full is called "(others)".
class Names {
 public:
  static constexpr std::size_t kMaxKernels = 4096;
  static constexpr std::size_t kMaxLabels = 4096;
  static constexpr std::size_t kMaxOwners = 65536;
  static constexpr std::size_t kMaxLabelBytes = 64;

  // The same tag for the same kernel, however often it is compiled. `key`: of its source.
  KernelTagRef Kernel(std::uint32_t device, absl::string_view key, absl::string_view name,
                      proto::CoreClass core_class);
  // Null for 0 and numbers not given out.
  KernelTagRef FindKernel(std::uint32_t number) const;
  // Its kernels are no longer handed out.
  void DropDevice(std::uint32_t device);

  // 0 for an empty label. Longer ones are cut.
  std::uint32_t Label(absl::string_view label);
  std::string LabelOf(std::uint32_t number) const;

  void NameOwner(std::uint64_t owner, absl::string_view process, absl::string_view name);
  void EndOwner(std::uint64_t owner);
  // Forgets owners that had ended when this was called last.
  void ForgetEnded();
  // Empty for owners that nobody has named.
  OwnerName OwnerOf(std::uint64_t owner) const;

 private:
  struct OwnerEntry {
    OwnerName name;
    bool forget = false;
  };

  mutable Mutex mutex_;
  std::vector<KernelTagRef> kernels_ ABSL_GUARDED_BY(mutex_);  // by number - 1
  absl::flat_hash_map<std::string, std::uint32_t> kernel_numbers_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> labels_ ABSL_GUARDED_BY(mutex_);  // by number - 1
  absl::flat_hash_map<std::string, std::uint32_t> label_numbers_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::uint64_t, OwnerEntry> owners_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_NAMES_H_

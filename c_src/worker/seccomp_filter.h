// A seccomp filter being put together.

#ifndef AMDGPU_C_SRC_WORKER_SECCOMP_FILTER_H_
#define AMDGPU_C_SRC_WORKER_SECCOMP_FILTER_H_

#include <errno.h>
#include <seccomp.h>

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "c_src/base/error.h"

namespace amdgpu::worker {

// Collects the first error of many calls that return -errno.
class Filter {
 public:
  // `otherwise` is what happens to calls without a rule.
  explicit Filter(std::uint32_t otherwise) : context_(seccomp_init(otherwise), seccomp_release) {
    if (context_ == nullptr) error_ = ENOMEM;
  }

  template <typename... Conditions>
  void Rule(std::uint32_t action, int call, Conditions... conditions) {
    if (error_ != 0) return;
    error_ = -seccomp_rule_add(context_.get(), action, call, sizeof...(conditions), conditions...);
  }

  // For every thread of the process, for good.
  absl::Status Load() {
    if (error_ == 0) error_ = -seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1);
    if (error_ == 0) error_ = -seccomp_load(context_.get());
    return error_ == 0 ? absl::OkStatus() : ErrnoError(error_, "installing the seccomp filter");
  }

 private:
  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
  int error_ = 0;
};

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_SECCOMP_FILTER_H_

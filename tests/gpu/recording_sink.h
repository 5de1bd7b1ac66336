// A CompletionSink that remembers everything, for tests to look at and wait for.

#ifndef AMDGPU_TESTS_GPU_RECORDING_SINK_H_
#define AMDGPU_TESTS_GPU_RECORDING_SINK_H_

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "gpu/driver.h"

namespace amdgpu::gpu {

// Thread-safe.
class RecordingSink : public CompletionSink {
 public:
  void OnStart(Ticket ticket, std::uint64_t started_ns) override;
  void OnComplete(const Completion& completion) override;
  void OnPrint(Ticket ticket, absl::string_view text) override;
  void OnFault(const Fault& fault) override;

  // Waits up to a minute for the completion of `ticket`; fails the test if it does not come.
  Completion WaitFor(Ticket ticket);
  bool Completed(Ticket ticket);
  bool Started(Ticket ticket);

  // In the order they came.
  std::vector<Completion> completions();
  // What `ticket` printed, in the order it came.
  std::string printed(Ticket ticket);
  std::vector<Fault> faults();
  // True if `ticket` printed or was started after its completion.
  bool late();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Completion> completions_;
  std::map<Ticket, Completion> by_ticket_;
  std::map<Ticket, std::string> printed_;
  std::set<Ticket> started_;
  std::vector<Fault> faults_;
  bool late_ = false;
};

}  // namespace amdgpu::gpu

#endif  // AMDGPU_TESTS_GPU_RECORDING_SINK_H_

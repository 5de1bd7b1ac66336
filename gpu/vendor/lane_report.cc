// The end of a lane's work: waiting for events, times, completions, faults.

#include <time.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "c_src/base/spin.h"
#include "gpu/vendor/errors.h"
#include "gpu/vendor/lane.h"

namespace amdgpu::vendor {
namespace {

// How long to look for an event before sleeping until the vendor wakes us, which takes 20 to 50 us
// longer to notice.
constexpr std::uint64_t kSpinNs = 60'000;
// What is expected to take longer than this is slept through, for the most part, before looking.
constexpr std::uint64_t kLongNs = 2 * kSpinNs;
// Looks at an event are calls that the launching thread's calls have to wait for: not too many.
constexpr int kRelaxesPerLook = 16;
constexpr int kLooksPerYield = 8;

// The part of an operation in its batch's time.
std::uint64_t Weight(const Operation& operation) {
  return operation.marker ? 0 : std::max<std::uint64_t>(operation.expected_ns, 1);
}

void Sleep(std::uint64_t ns) {
  const timespec pause = {static_cast<time_t>(ns / 1'000'000'000),
                          static_cast<long>(ns % 1'000'000'000)};
  nanosleep(&pause, nullptr);
}

}  // namespace

Result Lane::Await(const Batch& batch) {
  current_.clear();
  {
    MutexLock lock(&mutex_);
    for (std::uint64_t taken = ended_.load(std::memory_order_relaxed);
         taken < batch.covers && !operations_.empty(); ++taken) {
      current_.push_back(operations_.front());
      operations_.pop_front();
    }
  }
  if (batch.event == nullptr) return batch.error;
  std::uint64_t expected = 0;
  bool known = true;
  bool prints = false;
  for (Operation& operation : current_) {
    expected += operation.expected_ns;
    known = known && (operation.marker || operation.expected_ns != 0);
    if (operation.kernel == nullptr) continue;
    prints = prints || operation.kernel->prints;
    if (!operation.start_told) parts_.sink.OnStart(operation.ticket, NowNs());
  }
  if (current_.empty()) return kSuccess;
  Result result = WaitForEvent(batch.event, known ? expected : 0);
  if (prints) {
    // Querying does not make the vendor write out what was printed; waiting does.
    if (result == kSuccess) result = parts_.context.api().EventSynchronize(batch.event);
    if (parts_.drain_output) parts_.drain_output();
  }
  return result;
}

Result Lane::WaitForEvent(Event event, std::uint64_t expected_ns) {
  const VendorApi& api = parts_.context.api();
  std::uint64_t spin_ns = kSpinNs;
  if (expected_ns > kLongNs) {
    const Result result = api.EventQuery(event);
    if (result != kNotReady) return result;
    Sleep(expected_ns / 4 * 3);
    spin_ns += std::min(expected_ns / 4, kSpinNs);
  }
  const std::uint64_t until = NowNs() + spin_ns;
  for (int look = 1;; ++look) {
    const Result result = api.EventQuery(event);
    if (result != kNotReady) return result;
    if (NowNs() >= until) return api.EventSynchronize(event);
    if (look % kLooksPerYield == 0) {
      sched_yield();
    } else {
      for (int i = 0; i < kRelaxesPerLook; ++i) CpuRelax();
    }
  }
}

absl::StatusCode Lane::ReportFault(Result result) {
  const VendorApi& api = parts_.context.api();
  gpu::Fault fault;
  fault.message = api.ErrorText(api, result);
  fault.sticky = IsSticky(result);
  RunningLaunches::Launch launch;
  if (parts_.running.Only(&launch)) fault.ticket = launch.ticket;
  parts_.faults.Report(fault);
  return ToStatus(api, result, "").code();
}

void Lane::Finish(const Batch& batch, Result result) {
  const std::uint64_t seen = NowNs();
  if (current_.empty()) {
    if (batch.event != nullptr) parts_.events.Give(batch.event);
    if (batch.begin != nullptr) parts_.events.Give(batch.begin);
    return;
  }
  const absl::StatusCode code = result == kSuccess ? absl::StatusCode::kOk : ReportFault(result);
  std::uint64_t end = seen;
  std::uint64_t begin = last_end_ns_;
  if (result == kSuccess && batch.event != nullptr) {
    end = parts_.clock.When(batch.event, seen);
    if (batch.begin != nullptr) begin = parts_.clock.When(batch.begin, seen);
  }
  // Not before it was queued, and not before what was in front of it.
  begin = std::max({begin, last_end_ns_, std::min(current_.front().queued_ns, end)});
  end = std::max(end, begin + 1);
  {
    // Markers right behind have ended too.
    MutexLock lock(&mutex_);
    while (!operations_.empty() && operations_.front().marker) {
      current_.push_back(operations_.front());
      operations_.pop_front();
    }
    NoteEnd();
  }
  const std::uint64_t ended = ended_.load(std::memory_order_relaxed) + current_.size();
  ended_.store(ended, std::memory_order_release);
  Share(begin, end, code);
  last_end_ns_ = end;
  reported_.store(ended, std::memory_order_release);
  if (batch.begin != nullptr) parts_.clock.Retire(batch.begin, seen);
  if (batch.event != nullptr) {
    if (result == kSuccess) {
      parts_.clock.Retire(batch.event, seen);
    } else {
      parts_.events.Give(batch.event);
    }
  }
  MutexLock lock(&mutex_);
  if (drainers_ > 0) drained_.SignalAll();
}

void Lane::Share(std::uint64_t begin_ns, std::uint64_t end_ns, absl::StatusCode code) {
  const double length = static_cast<double>(end_ns - begin_ns);
  std::uint64_t known = 0;
  std::uint64_t weights = 0;
  int unknown = 0;
  for (const Operation& operation : current_) {
    weights += Weight(operation);
    known += operation.expected_ns;
    unknown += operation.kernel != nullptr && operation.expected_ns == 0;
  }
  std::uint64_t passed = 0;
  std::uint64_t start = begin_ns;
  for (const Operation& operation : current_) {
    passed += Weight(operation);
    const double part =
        weights == 0 ? 1 : static_cast<double>(passed) / static_cast<double>(weights);
    const std::uint64_t end = begin_ns + static_cast<std::uint64_t>(length * part);
    if (operation.kernel != nullptr) {
      if (code == absl::StatusCode::kOk) {
        // One that was not known is what the known ones leave.
        const std::uint64_t all = end_ns - begin_ns;
        const bool sole_unknown = unknown == 1 && operation.expected_ns == 0;
        operation.kernel->estimate.Learn(
            operation.threads, sole_unknown ? std::max(all, known + 1) - known : end - start);
      }
      operation.kernel->in_flight->fetch_sub(1, std::memory_order_release);
    }
    if (operation.ticket != 0) parts_.sink.OnComplete({operation.ticket, code, start, end});
    start = end;
  }
}

}  // namespace amdgpu::vendor

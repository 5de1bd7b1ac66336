// The calling side of a lane, and its thread's loop.

#include "gpu/vendor/lane.h"

#include <sys/prctl.h>

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "c_src/base/doorbell.h"
#include "c_src/base/spin.h"
#include "gpu/vendor/errors.h"

namespace amdgpu::vendor {
namespace {

// An event follows when this much work has gathered, by estimate, or so many operations.
constexpr std::uint64_t kBatchNs = 20'000;
constexpr std::uint64_t kMostInBatch = 64;
// How long the caller has been quiet when the thread covers what is left.
constexpr std::uint64_t kQuietNs = 3'000;
// How long to look for new operations before sleeping.
constexpr std::uint64_t kLeastSpinNs = 2'000;
constexpr std::uint64_t kMostSpinNs = 40'000;

}  // namespace

absl::StatusOr<std::unique_ptr<Lane>> Lane::Start(const LaneParts& parts) {
  const VendorApi& api = parts.context.api();
  Stream stream = nullptr;
  Result result = parts.context.MakeCurrent();
  if (result == kSuccess) result = api.StreamCreate(&stream, kStreamNonBlocking);
  if (result != kSuccess) return ToStatus(api, result, "making a stream");
  auto lane = absl::WrapUnique(new Lane(parts, stream));
  lane->thread_ = std::thread([lane = lane.get()] { lane->Run(); });
  return lane;
}

Lane::~Lane() {
  stop_.store(true, std::memory_order_seq_cst);
  WakeThread();
  thread_.join();
  parts_.context.MakeCurrent();
  parts_.context.api().StreamDestroy(stream_);
  RunningLaunches::Give(slot_);
}

Result Lane::RecordEvent(Event* event) {
  Result result = parts_.events.Take(event);
  if (result != kSuccess) {
    *event = nullptr;
    return result;
  }
  result = parts_.context.api().EventRecord(*event, stream_);
  if (result != kSuccess) parts_.events.Give(std::exchange(*event, nullptr));
  return result;
}

absl::Status Lane::Failure(Result result, absl::string_view doing) {
  absl::Status status = ToStatus(parts_.context.api(), result, doing);
  // The echo of a fault of earlier work, as a rule: the thread will say whose, if there is any.
  if (IsSticky(result) && ended_.load() == submitted_.load()) ReportFault(result);
  return status;
}

absl::Status Lane::Submit(Operation operation, absl::FunctionRef<Result()> enqueue,
                          absl::string_view doing) {
  if (parts_.faults.sticky()) return parts_.faults.status();
  if (Result result = parts_.context.MakeCurrent(); result != kSuccess) {
    return Failure(result, doing);
  }
  const std::uint64_t number = submitted_.load(std::memory_order_relaxed) + 1;
  const bool idle = ended_.load(std::memory_order_acquire) == number - 1;
  Batch before;  // what is queued already, where the operation needs a start of its own
  Batch batch;
  if (operation.kernel != nullptr && (idle || (operation.watched && uncovered_ > 0))) {
    const Result result = RecordEvent(&batch.begin);
    if (result != kSuccess) return Failure(result, doing);
  }
  // Before it can fail.
  const bool only = idle && operation.kernel != nullptr;
  if (only) SetSlot({operation.ticket, operation.kernel->handle});
  if (const Result result = enqueue(); result != kSuccess) {
    if (only) SetSlot({});
    if (batch.begin != nullptr) parts_.events.Give(batch.begin);
    return Failure(result, doing);
  }
  operation.queued_ns = NowNs();
  if (idle && operation.kernel != nullptr) {
    parts_.sink.OnStart(operation.ticket, operation.queued_ns);
    operation.start_told = true;
  }
  if (!idle && batch.begin != nullptr) {
    // What is queued ends as the watched launch begins.
    before = {batch.begin, nullptr, number - 1, 0};
    batch.begin = nullptr;
  }
  ++uncovered_;
  uncovered_ns_ += operation.expected_ns == 0 ? kBatchNs : operation.expected_ns;
  if (idle || operation.watched || uncovered_ns_ >= kBatchNs || uncovered_ >= kMostInBatch) {
    // Should it fail, the thread tries again and sees why.
    if (RecordEvent(&batch.event) == kSuccess) uncovered_ = uncovered_ns_ = 0;
  }
  batch.covers = number;
  if (batch.event == nullptr && batch.begin != nullptr) parts_.events.Give(batch.begin);
  {
    MutexLock lock(&mutex_);
    operations_.push_back(operation);
    if (operation.kernel != nullptr) NoteLaunch();
    if (before.event != nullptr) batches_.push_back(before);
    if (batch.event != nullptr) batches_.push_back(batch);
    batches_queued_.fetch_add((before.event != nullptr) + (batch.event != nullptr));
  }
  submitted_.store(number, std::memory_order_seq_cst);
  WakeThread();
  return absl::OkStatus();
}

void Lane::NoteLaunch() {
  const Operation& operation = operations_.back();
  const gpu::FunctionHandle function = operation.kernel->handle;
  if (launches_++ == 0) oldest_ = operation.ticket;
  alike_ = function == last_function_ ? alike_ + 1 : 1;
  last_function_ = function;
  SetSlot({oldest_, alike_ >= launches_ ? function : 0});
}

void Lane::NoteEnd() {
  for (const Operation& operation : current_) launches_ -= operation.kernel != nullptr;
  if (launches_ == 0) {
    SetSlot({});
    return;
  }
  for (const Operation& operation : operations_) {
    if (operation.kernel == nullptr) continue;
    oldest_ = operation.ticket;
    break;
  }
  SetSlot({oldest_, alike_ >= launches_ ? last_function_ : 0});
}

void Lane::Mark(gpu::Ticket ticket) {
  const std::uint64_t number = submitted_.load(std::memory_order_relaxed) + 1;
  const std::uint64_t now = NowNs();
  if (reported_.load(std::memory_order_acquire) == number - 1) {
    const absl::StatusCode code =
        parts_.faults.sticky() ? absl::StatusCode::kAborted : absl::StatusCode::kOk;
    parts_.sink.OnComplete({ticket, code, now, now});
    return;
  }
  Operation marker;
  marker.ticket = ticket;
  marker.marker = true;
  marker.queued_ns = now;
  {
    MutexLock lock(&mutex_);
    operations_.push_back(marker);
    if (!batches_.empty() && batches_.back().covers == number - 1) ++batches_.back().covers;
  }
  submitted_.store(number, std::memory_order_seq_cst);
  WakeThread();
}

void Lane::Drain() {
  const std::uint64_t until = submitted_.load(std::memory_order_seq_cst);
  MutexLock lock(&mutex_);
  ++drainers_;
  while (reported_.load(std::memory_order_acquire) < until) drained_.Wait(&mutex_);
  --drainers_;
}

void Lane::WakeThread() { Doorbell(&bell_, &sleeping_).Ring(); }

void Lane::Run() {
  parts_.context.MakeCurrent();
  // Sleeps that are cut short by design should not be drawn out by 50 us.
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
  AdaptiveSpin spin(kLeastSpinNs, kMostSpinNs);
  const auto has_work = [this] {
    return submitted_.load(std::memory_order_seq_cst) !=
               reported_.load(std::memory_order_relaxed) ||
           stop_.load(std::memory_order_seq_cst);
  };
  while (true) {
    if (!spin.Until(has_work)) Doorbell(&bell_, &sleeping_).Sleep(has_work);
    if (submitted_.load(std::memory_order_seq_cst) == reported_.load(std::memory_order_relaxed)) {
      if (stop_.load(std::memory_order_seq_cst)) return;
      continue;
    }
    const Batch batch = NextBatch();
    const Result result = Await(batch);
    Finish(batch, result);
  }
}

bool Lane::OnlyMarkers() {
  for (const Operation& operation : operations_) {
    if (!operation.marker) return false;
  }
  return true;
}

Lane::Batch Lane::NextBatch() {
  const auto queued = [this] {
    return batches_queued_.load(std::memory_order_acquire) != batches_taken_;
  };
  if (!queued()) SpinUntil(kQuietNs, queued);
  Batch batch;
  {
    MutexLock lock(&mutex_);
    if (!batches_.empty()) {
      batch = batches_.front();
      batches_.pop_front();
      ++batches_taken_;
      return batch;
    }
    batch.covers = submitted_.load(std::memory_order_seq_cst);
    if (OnlyMarkers()) return batch;
  }
  batch.error = RecordEvent(&batch.event);
  return batch;
}

}  // namespace amdgpu::vendor

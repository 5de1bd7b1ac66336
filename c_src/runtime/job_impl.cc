#include "c_src/runtime/job_impl.h"

#include <algorithm>

#include "c_src/base/spin.h"

namespace amdgpu {

bool JobImpl::Poll(std::uint64_t spin_ns) {
  return SpinUntil(spin_ns, [this] {
    if (done()) return true;
    pump_->Drain();
    return done();
  });
}

std::uint64_t JobImpl::Subscribe(Callback callback) {
  std::uint64_t subscription;
  {
    AdaptiveLock lock(&mutex_);
    if (done()) return 0;
    subscription = next_subscription_++;
    subscribers_.emplace_back(subscription, std::move(callback));
    if (!waiting_) {
      waiting_ = true;
      BeginWait();
    }
  }
  // What completed before the worker saw that somebody waits woke nobody.
  pump_->Drain();
  return subscription;
}

bool JobImpl::Unsubscribe(std::uint64_t subscription) {
  AdaptiveLock lock(&mutex_);
  const auto found =
      std::find_if(subscribers_.begin(), subscribers_.end(),
                   [subscription](const auto& entry) { return entry.first == subscription; });
  if (found == subscribers_.end()) return false;
  subscribers_.erase(found);
  if (subscribers_.empty() && waiting_) {
    waiting_ = false;
    EndWait();
  }
  return true;
}

bool JobImpl::Cancel() { return cancel_ && !done() && cancel_(); }

absl::Status JobImpl::status() const { return done() ? outcome_.status : absl::OkStatus(); }
LaunchInfo JobImpl::info() const { return done() ? outcome_.info : info_; }
KernelRef JobImpl::kernel() const { return done() ? outcome_.kernel : nullptr; }
BufferRef JobImpl::buffer() const { return done() ? outcome_.buffer : nullptr; }
CodeOrigin JobImpl::origin() const { return done() ? outcome_.origin : CodeOrigin::kCompiled; }

BufferView JobImpl::view() const { return done() ? outcome_.view : BufferView{}; }

void JobImpl::AlsoWaitFor(Ticket ticket) {
  {
    AdaptiveLock lock(&mutex_);
    also_wait_for_.push_back(ticket);
    if (!waiting_) return;
    pump_->BeginWait(ticket);
  }
  // As in Subscribe: it may have completed unseen.
  pump_->Drain();
}

void JobImpl::Then(Continuation continuation) {
  {
    AdaptiveLock lock(&mutex_);
    if (!done()) {
      continuations_.push_back(std::move(continuation));
      return;
    }
  }
  continuation(outcome_.status);
}

bool JobImpl::Finish(absl::Status status) { return Finish(std::move(status), info_); }

bool JobImpl::Finish(absl::Status status, const LaunchInfo& info) {
  return End({std::move(status), info, nullptr, nullptr});
}

bool JobImpl::FinishWithKernel(KernelRef kernel, CodeOrigin origin) {
  return End({absl::OkStatus(), info_, std::move(kernel), nullptr, origin});
}

bool JobImpl::FinishWithBuffer(BufferRef buffer) {
  return End({absl::OkStatus(), info_, nullptr, std::move(buffer)});
}

bool JobImpl::FinishWithView(BufferView view) {
  Outcome outcome{absl::OkStatus(), info_, nullptr, nullptr};
  outcome.view = std::move(view);
  return End(std::move(outcome));
}

bool JobImpl::End(Outcome outcome) {
  std::vector<Callback> callbacks;
  std::vector<Continuation> continuations;
  {
    AdaptiveLock lock(&mutex_);
    if (done()) return false;
    outcome_ = std::move(outcome);
    done_.store(true, std::memory_order_release);
    for (auto& entry : subscribers_) callbacks.push_back(std::move(entry.second));
    subscribers_.clear();
    continuations.swap(continuations_);
    if (waiting_) EndWait();
    waiting_ = false;
  }
  for (const Continuation& continuation : continuations) continuation(outcome_.status);
  if (!callbacks.empty()) pump_->Deliver(std::move(callbacks));
  return true;
}

void JobImpl::BeginWait() {
  if (ticket_ != 0) pump_->BeginWait(ticket_);
  for (const Ticket ticket : also_wait_for_) pump_->BeginWait(ticket);
}

void JobImpl::EndWait() {
  if (ticket_ != 0) pump_->EndWait(ticket_);
  for (const Ticket ticket : also_wait_for_) pump_->EndWait(ticket);
}

}  // namespace amdgpu

#include "tests/gpu/recording_sink.h"

#include <gtest/gtest.h>

namespace amdgpu::gpu {

void RecordingSink::OnStart(Ticket ticket, std::uint64_t) {
  std::lock_guard<std::mutex> lock(mutex_);
  late_ = late_ || by_ticket_.count(ticket) > 0;
  started_.insert(ticket);
}

void RecordingSink::OnFault(const Fault& fault) {
  std::lock_guard<std::mutex> lock(mutex_);
  faults_.push_back(fault);
}

void RecordingSink::OnComplete(const Completion& completion) {
  std::lock_guard<std::mutex> lock(mutex_);
  completions_.push_back(completion);
  by_ticket_[completion.ticket] = completion;
  changed_.notify_all();
}

void RecordingSink::OnPrint(Ticket ticket, absl::string_view text) {
  std::lock_guard<std::mutex> lock(mutex_);
  printed_[ticket].append(text.data(), text.size());
  late_ = late_ || by_ticket_.count(ticket) > 0;
}

Completion RecordingSink::WaitFor(Ticket ticket) {
  std::unique_lock<std::mutex> lock(mutex_);
  const bool came = changed_.wait_for(lock, std::chrono::minutes(1),
                                      [&] { return by_ticket_.count(ticket) > 0; });
  EXPECT_TRUE(came) << "no completion of ticket " << ticket;
  return came ? by_ticket_[ticket] : Completion{};
}

bool RecordingSink::Completed(Ticket ticket) {
  std::lock_guard<std::mutex> lock(mutex_);
  return by_ticket_.count(ticket) > 0;
}

bool RecordingSink::Started(Ticket ticket) {
  std::lock_guard<std::mutex> lock(mutex_);
  return started_.count(ticket) > 0;
}

std::vector<Fault> RecordingSink::faults() {
  std::lock_guard<std::mutex> lock(mutex_);
  return faults_;
}

std::vector<Completion> RecordingSink::completions() {
  std::lock_guard<std::mutex> lock(mutex_);
  return completions_;
}

std::string RecordingSink::printed(Ticket ticket) {
  std::lock_guard<std::mutex> lock(mutex_);
  return printed_[ticket];
}

bool RecordingSink::late() {
  std::lock_guard<std::mutex> lock(mutex_);
  return late_;
}

}  // namespace amdgpu::gpu

#include "c_src/kernel/compiler_client.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "c_src/base/build_id.h"
#include "c_src/base/clock.h"
#include "c_src/base/error.h"
#include "c_src/base/message_socket.h"
#include "c_src/kernel/compile_error.h"

namespace amdgpu {
namespace {

using proto::CompileReply;

constexpr int kMaxAttempts = 2;
// Diagnostics and signatures that come with the code.
constexpr std::uint64_t kReplyExtraBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kNsPerMs = 1'000'000;

std::uint32_t MaxReplyBytes(const proto::CompileRequest& request) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(
      request.output_bytes() + kReplyExtraBytes, std::numeric_limits<std::int32_t>::max()));
}

}  // namespace

absl::StatusOr<UniqueFd> CompilerClient::MakeWakeFd() {
  UniqueFd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.valid()) return ErrnoError(errno, "making an eventfd");
  return fd;
}

CompilerClient::CompilerClient(CompilerClientOptions options, UniqueFd wake_fd)
    : options_(std::move(options)), wake_fd_(std::move(wake_fd)) {
  thread_ = std::thread([this] { RunThread(); });
  pthread_setname_np(thread_.native_handle(), "amdgpu-compile");
}

CompilerClient::~CompilerClient() {
  Send([this] { stopping_ = true; });
  thread_.join();
}

void CompilerClient::Warm() {
  Send([this] { warm_wanted_ = true; });
}

void CompilerClient::Start(JobId id, std::shared_ptr<const proto::CompileRequest> request,
                           Callback callback) {
  Send([this, id, request = std::move(request), callback = std::move(callback)]() mutable {
    Job job;
    job.id = id;
    job.request = std::move(request);
    job.callback = std::move(callback);
    queued_.push_back(std::move(job));
  });
}

void CompilerClient::Abort(JobId id) {
  Send([this, id] {
    const auto is_it = [id](const Job& job) { return job.id == id; };
    std::erase_if(queued_, is_it);
    std::erase_if(active_, is_it);  // closes its socket: the compiler kills the child
  });
}

void CompilerClient::AskVersion(VersionCallback callback) {
  if (std::string version = compiler_version(); !version.empty()) {
    callback(std::move(version));
    return;
  }
  Send([this, callback = std::move(callback)]() mutable {
    if (ready_) {
      callback(compiler_version());
    } else {
      asking_.push_back(std::move(callback));
      warm_wanted_ = true;
    }
  });
}

std::string CompilerClient::compiler_version() const {
  MutexLock lock(&mutex_);
  return version_;
}

void CompilerClient::Send(std::function<void()> command) {
  {
    MutexLock lock(&mutex_);
    commands_.push_back(std::move(command));
  }
  eventfd_write(wake_fd_.get(), 1);
}

void CompilerClient::RunThread() {
  while (true) {
    RunCommands();
    if (stopping_) break;
    if (!process_.has_value() && (warm_wanted_ || !queued_.empty())) StartProcess();
    warm_wanted_ = false;
    StartJobs();
    Wait();
    CheckProcess();
    for (std::size_t i = 0; i < active_.size();) {
      if (!AdvanceJob(i)) ++i;
    }
    CheckDeadlines();
  }
  active_.clear();
  process_.reset();
}

void CompilerClient::RunCommands() {
  std::vector<std::function<void()>> commands;
  {
    MutexLock lock(&mutex_);
    commands.swap(commands_);
  }
  for (const auto& command : commands) command();
}

void CompilerClient::Wait() {
  std::vector<pollfd> fds;
  fds.push_back({wake_fd_.get(), POLLIN, 0});
  if (process_.has_value()) {
    fds.push_back({process_->control_fd(), POLLIN, 0});
    fds.push_back({process_->pidfd(), POLLIN, 0});  // -1 is skipped
  }
  for (const Job& job : active_) {
    fds.push_back(
        {job.socket.get(), static_cast<short>(job.unsent.empty() ? POLLIN : POLLIN | POLLOUT), 0});
  }
  int timeout_ms = -1;
  if (const std::uint64_t next = NextDeadline(); next != kNever) {
    const std::uint64_t now = NowNs();
    timeout_ms =
        next <= now
            ? 0
            : static_cast<int>(std::min<std::uint64_t>((next - now) / kNsPerMs + 1, 1'000'000));
  }
  // A process to start for what could not be tried yet must not wait for an event.
  if (!process_.has_value() && !queued_.empty()) timeout_ms = 0;
  poll(fds.data(), fds.size(), timeout_ms);
  eventfd_t ignored;
  eventfd_read(wake_fd_.get(), &ignored);
}

std::uint64_t CompilerClient::NextDeadline() const {
  std::uint64_t next = process_.has_value() && !ready_ ? start_deadline_ns_ : kNever;
  for (const Job& job : active_) next = std::min(next, job.deadline_ns);
  return next;
}

void CompilerClient::CheckDeadlines() {
  const std::uint64_t now = NowNs();
  if (process_.has_value() && !ready_ && now >= start_deadline_ns_) {
    return EndProcess(absl::DeadlineExceededError(absl::StrCat(
        options_.path, " was not ready ", options_.start_timeout_ms, " ms after its start")));
  }
  bool stuck = false;
  for (std::size_t i = 0; i < active_.size();) {
    if (now < active_[i].deadline_ns) {
      ++i;
      continue;
    }
    const Job job = std::move(active_[i]);
    active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(i));
    job.callback(CompileTimeout(job.request->timeout_ms()));
    stuck = true;
  }
  // It should have ended that compile itself.
  if (stuck) EndProcess(absl::InternalError("the compiler process hung"));
}

void CompilerClient::StartProcess() {
  absl::StatusOr<CompilerProcess> process = CompilerProcess::Start(options_.path, options_.args);
  if (!process.ok()) {
    // Trying again at once would find the same.
    GiveUp(process.status(), process.status());
    return;
  }
  process_.emplace(*std::move(process));
  ready_ = false;
  start_deadline_ns_ = NowNs() + std::uint64_t{options_.start_timeout_ms} * kNsPerMs;
}

void CompilerClient::CheckProcess() {
  if (!process_.has_value()) return;
  absl::Status status = ready_ ? absl::OkStatus() : ReceiveHello();
  if (status.ok()) status = process_->Check();
  if (absl::IsUnavailable(status)) {
    crashes_.fetch_add(1, std::memory_order_relaxed);
    status = absl::InternalError(
        absl::StrCat(options_.path, ready_ ? " " : ", while it started, ", process_->End()));
  }
  if (!status.ok()) EndProcess(status);
}

absl::Status CompilerClient::ReceiveHello() {
  const absl::StatusOr<std::optional<proto::CompilerHello>> hello = process_->ReceiveHello();
  if (!hello.ok()) return hello.status();
  if (!hello->has_value()) return absl::OkStatus();
  if ((*hello)->build_id() != BuildId()) {
    const absl::Status error = absl::FailedPreconditionError(
        absl::StrCat(options_.path, " is of another build (", (*hello)->build_id(),
                     ") than this library (", std::string(BuildId()), "): build both again"));
    GiveUp(error, error);
    return error;
  }
  if (!(*hello)->unusable().empty()) {
    CompileReply refused;
    refused.set_outcome(CompileReply::REFUSED);
    refused.set_message((*hello)->unusable());
    const absl::Status error = absl::FailedPreconditionError((*hello)->unusable());
    GiveUp(error, refused);
    return error;
  }
  ready_ = true;
  {
    MutexLock lock(&mutex_);
    version_ = (*hello)->version();
  }
  TellVersion((*hello)->version());
  return absl::OkStatus();
}

void CompilerClient::GiveUp(const absl::Status& reason,
                            const absl::StatusOr<CompileReply>& answer) {
  for (Job& job : std::exchange(queued_, {})) job.callback(answer);
  TellVersion(reason);
}

void CompilerClient::TellVersion(const absl::StatusOr<std::string>& version) {
  for (VersionCallback& callback : std::exchange(asking_, {})) callback(version);
}

void CompilerClient::EndProcess(const absl::Status& reason) {
  process_.reset();
  std::vector<Job> jobs = std::exchange(active_, {});
  if (!ready_) {
    // What waited for the process has had its attempt as well.
    for (Job& job : std::exchange(queued_, {})) jobs.push_back(std::move(job));
    TellVersion(reason);
  }
  ready_ = false;
  for (Job& job : jobs) RetryOrFail(std::move(job), reason);
}

void CompilerClient::StartJobs() {
  while (ready_ && !queued_.empty() && active_.size() < options_.max_parallel) {
    Job job = std::move(queued_.front());
    queued_.pop_front();
    if (absl::Status prepared = PrepareJob(job); !prepared.ok()) {
      job.callback(prepared);  // out of descriptors: no other process would help
      continue;
    }
    const absl::Status sent = SendJob(job);
    if (sent.ok()) {
      active_.push_back(std::move(job));
    } else if (absl::IsUnavailable(sent) && !active_.empty()) {
      job.socket.reset();
      queued_.push_front(std::move(job));  // the control socket is full: after the next event
      return;
    } else {
      // Gone, or it does not read.
      RetryOrFail(std::move(job), sent);
      EndProcess(sent);
    }
  }
}

absl::Status CompilerClient::PrepareJob(Job& job) {
  auto sockets = CreateSocketPair();
  if (!sockets.ok()) return sockets.status();
  job.socket = std::move(sockets->first);
  job.compiler_end = std::move(sockets->second);
  job.reader.emplace(MaxReplyBytes(*job.request));
  job.unsent = EncodeFrame(*job.request);
  return absl::OkStatus();
}

absl::Status CompilerClient::SendJob(Job& job) {
  const absl::Status sent = process_->SendRequestSocket(job.compiler_end.get());
  job.compiler_end.reset();
  job.deadline_ns =
      NowNs() + (std::uint64_t{job.request->timeout_ms()} + options_.grace_ms) * kNsPerMs;
  return sent;
}

bool CompilerClient::AdvanceJob(std::size_t index) {
  Job& job = active_[index];
  while (!job.unsent.empty()) {
    const ssize_t sent =
        send(job.socket.get(), job.unsent.data(), job.unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) break;  // full, or closed: reading tells
    job.unsent.erase(0, static_cast<std::size_t>(sent));
  }
  const absl::Status read = job.reader->Read(job.socket.get());
  const bool whole = job.reader->complete();
  if (read.ok() && !whole) return false;

  Job ended = std::move(job);
  active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(index));
  CompileReply reply;
  if (!whole || !ended.reader->Parse(reply)) {
    reply.Clear();
    reply.set_outcome(CompileReply::CRASHED);
    reply.set_message(whole                      ? "garbled answer"
                      : absl::IsOutOfRange(read) ? "no answer"
                                                 : std::string(read.message()));
  }
  if (reply.outcome() == CompileReply::CRASHED) {
    crashes_.fetch_add(1, std::memory_order_relaxed);
    RetryOrFail(std::move(ended), reply);
  } else {
    ended.callback(std::move(reply));
  }
  return true;
}

void CompilerClient::RetryOrFail(Job job, const absl::StatusOr<CompileReply>& failure) {
  job.socket.reset();
  if (++job.attempts >= kMaxAttempts) {
    job.callback(failure);
  } else {
    queued_.push_front(std::move(job));
  }
}

}  // namespace amdgpu

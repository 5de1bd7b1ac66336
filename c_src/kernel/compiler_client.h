// The client's side of the compiler process: starts it, talks to it, starts it again.

#ifndef AMDGPU_C_SRC_KERNEL_COMPILER_CLIENT_H_
#define AMDGPU_C_SRC_KERNEL_COMPILER_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "c_src/base/mutex.h"
#include "c_src/base/unique_fd.h"
#include "c_src/kernel/compiler_process.h"
#include "c_src/kernel/frame_reader.h"
#include "proto/compile.pb.h"

namespace amdgpu {

struct CompilerClientOptions {
  std::string path;               // of the compiler's executable
  std::vector<std::string> args;  // for it
  std::uint32_t max_parallel = 1;
  std::uint32_t start_timeout_ms = 0;  // until its hello
  std::uint32_t grace_ms = 0;          // that it gets to enforce a request's timeout itself
};

// Runs compiles in a thread of its own, which sleeps while there is none. Thread-safe.
class CompilerClient {
 public:
  using JobId = std::uint64_t;
  // The compiler's answer, whatever its outcome; an error when there was none. A compile that
  // crashed, or whose compiler died, has been tried twice by then.
  using Callback = std::function<void(absl::StatusOr<proto::CompileReply>)>;
  // What the compiler says of its version; an error when there is no compiler to say it.
  using VersionCallback = std::function<void(absl::StatusOr<std::string>)>;

  // Throws std::system_error when no thread can be had.
  CompilerClient(CompilerClientOptions options, UniqueFd wake_fd);
  // Ends the compiler. Callbacks that have not run never do.
  ~CompilerClient();

  // An eventfd for the constructor.
  static absl::StatusOr<UniqueFd> MakeWakeFd();

  // Starts the process, if there is none.
  void Warm();
  // `request` has its limits filled in. `callback` is called once from the client's thread, unless
  // Abort(id) comes first. It must not block.
  void Start(JobId id, std::shared_ptr<const proto::CompileRequest> request, Callback callback);
  // Kills the compile, if it has not ended.
  void Abort(JobId id);

  // Calls `callback` once: at once when the version is known, else from the client's thread when
  // the process, which is started if need be, has said hello or could not. It must not block.
  void AskVersion(VersionCallback callback);
  // Calls `function` from the client's thread.
  void Run(std::function<void()> function) { Send(std::move(function)); }

  // What the compiler's last hello said of its version; empty before.
  std::string compiler_version() const;
  // Compiles and compiler processes that died.
  std::uint64_t crashes() const { return crashes_.load(std::memory_order_relaxed); }

 private:
  struct Job {
    JobId id;
    std::shared_ptr<const proto::CompileRequest> request;
    Callback callback;
    int attempts = 0;  // that failed
    // Of the attempt under way:
    UniqueFd socket;
    UniqueFd compiler_end;  // until it has been sent
    std::string unsent;
    std::optional<FrameReader> reader;
    std::uint64_t deadline_ns = 0;
  };

  void Send(std::function<void()> command);  // to the thread

  // All below runs in the thread.
  void RunThread();
  void RunCommands();
  void Wait();
  std::uint64_t NextDeadline() const;
  void CheckDeadlines();
  void CheckProcess();
  void StartProcess();
  absl::Status ReceiveHello();
  // The process is of no use, and another would be none: who waits for it is told so.
  void GiveUp(const absl::Status& reason, const absl::StatusOr<proto::CompileReply>& answer);
  void TellVersion(const absl::StatusOr<std::string>& version);
  // Ends the process and everything that runs in it. Jobs of it are tried again, or fail with
  // `reason`.
  void EndProcess(const absl::Status& reason);
  void StartJobs();
  absl::Status PrepareJob(Job& job);
  absl::Status SendJob(Job& job);
  // Sends and receives what it can; true when the job has left active_.
  bool AdvanceJob(std::size_t index);
  void RetryOrFail(Job job, const absl::StatusOr<proto::CompileReply>& failure);

  const CompilerClientOptions options_;
  const UniqueFd wake_fd_;
  std::atomic<std::uint64_t> crashes_{0};

  mutable Mutex mutex_;
  std::vector<std::function<void()>> commands_ ABSL_GUARDED_BY(mutex_);
  std::string version_ ABSL_GUARDED_BY(mutex_);

  // Of the thread alone.
  bool stopping_ = false;
  bool warm_wanted_ = false;
  std::optional<CompilerProcess> process_;
  bool ready_ = false;  // the process has said hello
  std::uint64_t start_deadline_ns_ = 0;
  std::deque<Job> queued_;
  std::vector<VersionCallback> asking_;  // for the version of a process that starts
  std::vector<Job> active_;

  std::thread thread_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_COMPILER_CLIENT_H_

// One worker process, as the client sees it: started, asked, ended.

#ifndef AMDGPU_C_SRC_RUNTIME_WORKER_PROCESS_H_
#define AMDGPU_C_SRC_RUNTIME_WORKER_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "c_src/base/spawn.h"
#include "c_src/base/unique_fd.h"
#include "proto/worker.pb.h"

namespace amdgpu {

struct WorkerStart {
  std::string path;
  std::string kind;
  std::uint32_t index = 0;
  std::uint32_t threads = 0;
  int segment_fd = -1;
  int arena_fd = -1;  // of the host device; others have none
};

// "NAME=value", what a worker inherits of our environment.
std::vector<std::string> WorkerEnvironment();

// One thread at a time, except pid(). The destructor ends the worker.
class WorkerProcess {
 public:
  // Starts it and waits until it is ready. An error is the worker's own when it has said one: of
  // another build (kFailedPrecondition), no such device (kNotFound), ...
  static absl::StatusOr<std::unique_ptr<WorkerProcess>> Start(const WorkerStart& start);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  const proto::DeviceProperties& properties() const { return properties_; }
  pid_t pid() const { return child_.pid; }
  // Readable when the worker has ended (the socket: or when a reply is there, which Call takes).
  int pidfd() const { return child_.pidfd.get(); }
  int control_fd() const { return control_.get(); }

  // Asks and waits for the answer, which may be the worker's error. kUnavailable: it has ended or
  // does not answer, and must be replaced.
  absl::StatusOr<proto::WorkerReply> Call(proto::WorkerRequest request);

  // Kills it if need be, and takes it off the process table. How it ended, for people; `signal` is
  // the one that ended it, or 0.
  std::string End(int* signal);

 private:
  WorkerProcess(ChildProcess child, UniqueFd control);

  ChildProcess child_;
  UniqueFd control_;
  proto::DeviceProperties properties_;
  std::uint64_t next_id_ = 1;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_WORKER_PROCESS_H_

// Answers the requests of the control socket: slabs, modules, streams, globals.

#ifndef AMDGPU_C_SRC_WORKER_CONTROL_H_
#define AMDGPU_C_SRC_WORKER_CONTROL_H_

#include "absl/status/status.h"
#include "c_src/worker/executor.h"
#include "gpu/driver.h"
#include "proto/worker.pb.h"

namespace amdgpu::worker {

// `reply` with the outcome of a request that failed.
void SetError(const absl::Status& status, proto::WorkerReply* reply);

// Every request but Hello. The driver and the executor outlive the call.
proto::WorkerReply Serve(const proto::WorkerRequest& request, gpu::Driver& driver,
                         Executor& executor);

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_CONTROL_H_

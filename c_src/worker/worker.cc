#include "c_src/worker/worker.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "c_src/base/build_id.h"
#include "c_src/base/message_socket.h"
#include "c_src/runtime/segment.h"
#include "c_src/worker/completions.h"
#include "c_src/worker/control.h"
#include "c_src/worker/executor.h"
#include "c_src/worker/in_flight.h"
#include "c_src/worker/sandbox.h"
#include "c_src/worker/watchdog.h"
#include "telemetry/sampler.h"
#include "telemetry/sources/sources.h"

namespace amdgpu::worker {
namespace {

// The device whose driver is our own, and whose memory is the arena.
constexpr absl::string_view kHostKind = "host";

// --kind=host --index=0 --threads=4
absl::StatusOr<DriverRequest> ParseArguments(int argc, char** argv) {
  DriverRequest request;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    bool understood = true;
    if (absl::ConsumePrefix(&argument, "--kind=")) {
      request.kind = std::string(argument);
    } else if (absl::ConsumePrefix(&argument, "--index=")) {
      understood = absl::SimpleAtoi(argument, &request.index);
    } else if (absl::ConsumePrefix(&argument, "--threads=")) {
      understood = absl::SimpleAtoi(argument, &request.threads);
    } else {
      understood = false;
    }
    if (!understood) return absl::InvalidArgumentError(absl::StrCat("unknown option ", argv[i]));
  }
  if (request.kind == kHostKind) {
    request.arena_fd = protocol::kArenaFd;
    absl::StatusOr<std::uint64_t> arena_bytes = FileBytes(protocol::kArenaFd);
    if (!arena_bytes.ok()) return arena_bytes.status();
    request.arena_bytes = *arena_bytes;
  }
  return request;
}

absl::Status CheckHello(const proto::Hello& hello) {
  if (hello.protocol_version() != protocol::kVersion) {
    return absl::FailedPreconditionError(absl::StrCat("the client speaks protocol version ",
                                                      hello.protocol_version(), ", this worker ",
                                                      protocol::kVersion));
  }
  if (hello.build_id() != BuildId()) {
    return absl::FailedPreconditionError(absl::StrCat("the client is of build ", hello.build_id(),
                                                      ", this worker of build ",
                                                      std::string(BuildId()), ": rebuild both"));
  }
  return absl::OkStatus();
}

absl::Status StartPlainThread(const std::string& /*name*/, std::function<void()> body) {
  std::thread([body = std::move(body)] {
    const AlternateStack stack;
    body();
  }).detach();
  return absl::OkStatus();
}

// Everything a worker has once it is ready. Never destroyed: threads use it until the process ends.
class Worker {
 public:
  Worker(Segment segment, DriverFactory factory)
      : segment_(std::move(segment)),
        factory_(std::move(factory)),
        watchdog_([this](const Watchdog::Expired& expired) { Expire(expired); },
                  [this](std::uint64_t now_ns) { return executor_->Look(now_ns); }),
        completions_(segment_, in_flight_, watchdog_,
                     [this](const gpu::Fault& fault) { OnFault(fault); }) {}

  // Up to and including the sandbox.
  absl::Status Start(DriverRequest request) {
    request.staging = segment_.staging();
    request.staging_bytes = protocol::kStagingBytes;
    absl::StatusOr<std::unique_ptr<gpu::Driver>> driver = factory_.make(request, completions_);
    if (!driver.ok()) return driver.status();
    driver_ = *std::move(driver);
    executor_.emplace(segment_, *driver_, completions_, in_flight_, watchdog_,
                      [this] { RefuseRing(); });
    // After the driver: a vendor's runtime installs handlers of its own.
    InstallFaultHandler(&segment_.header().fault, factory_.current_launch);
    if (absl::Status status = watchdog_.Start(); !status.ok()) return status;
    const auto start = factory_.start_thread ? factory_.start_thread : StartPlainThread;
    if (absl::Status status = executor_->Start(start); !status.ok()) return status;
    sampler_.emplace(telemetry::SharedRingWriter(segment_.telemetry(), protocol::kTelemetrySlots),
                     segment_.header().sampler, telemetry::MakeProbes(driver_->properties()),
                     [this] { completions_.EndTick(); });
    sampler_->Start();
    return request.kind == kHostKind ? EnterHostSandbox() : EnterVendorSandbox();
  }

  const gpu::Properties& properties() const { return driver_->properties(); }

  // Until the client is gone.
  void Serve() {
    proto::WorkerRequest request;
    while (ReceiveMessage(protocol::kControlFd, &request).ok()) {
      const proto::WorkerReply reply = worker::Serve(request, *driver_, *executor_);
      if (!SendMessage(protocol::kControlFd, reply).ok()) return;
    }
  }

 private:
  void Expire(const Watchdog::Expired& expired) {
    const LaunchIdentity launch{expired.ticket, expired.function, ""};
    RecordFault(segment_.header().fault, protocol::FaultKind::kTimeout, 0, 0, launch,
                absl::StrCat("ran for more than ", expired.timeout_ns / 1000, " us").c_str());
    _exit(kTimeoutExit);
  }

  // A vendor's device whose driver lives on after a fault, but runs nothing any more.
  void OnFault(const gpu::Fault& fault) {
    if (!fault.sticky) return;
    LaunchIdentity launch;
    launch.ticket = fault.ticket;
    if (fault.ticket != 0) launch.function = in_flight_.Get(fault.ticket).function;
    RecordFault(segment_.header().fault, protocol::FaultKind::kDevice, 0, fault.address, launch,
                fault.message.c_str());
    _exit(kFaultExit);
  }

  void RefuseRing() {
    RecordFault(segment_.header().fault, protocol::FaultKind::kDevice, 0, 0, {},
                "the command ring is corrupt");
    _exit(1);
  }

  const Segment segment_;
  const DriverFactory factory_;
  InFlightTable in_flight_;
  Watchdog watchdog_;
  Completions completions_;
  std::unique_ptr<gpu::Driver> driver_;
  std::optional<Executor> executor_;
  std::optional<telemetry::Sampler> sampler_;
};

// Answers the client's Hello; null, with the reason in the reply, if this worker cannot serve it.
Worker* Greet(const proto::WorkerRequest& request, const DriverRequest& driver,
              const DriverFactory& factory, proto::WorkerReply* reply) {
  reply->set_id(request.id());
  proto::HelloReply& hello = *reply->mutable_hello();
  hello.set_protocol_version(protocol::kVersion);
  hello.set_build_id(std::string(BuildId()));
  absl::Status status = CheckHello(request.hello());
  Worker* worker = nullptr;
  if (status.ok()) {
    absl::StatusOr<Segment> segment = Segment::Open(protocol::kSegmentFd);
    status = segment.status();
    if (status.ok()) {
      worker = new Worker(*std::move(segment), factory);
      status = worker->Start(driver);
    }
  }
  if (!status.ok()) {
    SetError(status, reply);
    return nullptr;
  }
  *hello.mutable_properties() = worker->properties();
  return worker;
}

}  // namespace

void WorkerMain(int argc, char** argv, const DriverFactory& factory) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  const absl::StatusOr<DriverRequest> driver = ParseArguments(argc, argv);
  if (!driver.ok()) {
    std::fprintf(stderr, "amdgpu_worker: %s\n", std::string(driver.status().message()).c_str());
    _exit(1);
  }
  proto::WorkerRequest request;
  const absl::Status received = ReceiveMessage(protocol::kControlFd, &request);
  if (!received.ok() || !request.has_hello()) {
    std::fprintf(stderr, "amdgpu_worker is started by the AMDGPU runtime, not by hand\n");
    _exit(1);
  }
  proto::WorkerReply reply;
  Worker* const worker = Greet(request, *driver, factory, &reply);
  if (!SendMessage(protocol::kControlFd, reply).ok() || worker == nullptr) _exit(1);
  worker->Serve();
  _exit(0);
}

}  // namespace amdgpu::worker

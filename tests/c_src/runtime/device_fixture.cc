#include "tests/c_src/runtime/device_fixture.h"

#include <chrono>
#include <cstring>
#include <future>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/c_src/runtime/fake_driver.h"
#include "tests/gpu/vendor/standin_library.h"

namespace amdgpu::testing {

FakeCompileService::~FakeCompileService() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return running_ == 0; });
}

std::string FakeCompileService::KeyOf(const proto::CompileRequest& request) {
  return absl::StrCat(request.source(), "/", request.block_x(), ",", request.block_y(), ",",
                      request.block_z());
}

CodeObjectRef FakeCompileService::Lookup(const proto::CompileRequest& request) {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, code] : compiled_) {
    if (key == KeyOf(request)) return code;
  }
  return nullptr;
}

CompileService::RequestId FakeCompileService::Compile(proto::CompileRequest request,
                                                      Callback callback) {
  {
    const std::lock_guard lock(mutex_);
    ++running_;
  }
  std::thread([this, request = std::move(request), callback = std::move(callback)] {
    CompileResult result;
    if (request.source() == "wrong") {
      result.code = absl::InvalidArgumentError("wrong source");
    } else {
      std::string bytes = request.source() == "garbage" ? "garbage" : kFakeCode;
      if (request.target() != "host") {
        const bool amd = absl::StartsWith(request.target(), "gfx");
        bytes = vendor::StandInKernels(amd ? "hip" : "cuda").SerializeAsString();
      }
      auto code = std::make_shared<CodeObject>(CodeObject{KeyOf(request), bytes, {}});
      const std::lock_guard lock(mutex_);
      compiled_.emplace_back(KeyOf(request), code);
      result.code = std::move(code);
    }
    callback(std::move(result));
    const std::lock_guard lock(mutex_);
    --running_;
    changed_.notify_all();
  }).detach();
  return 1;
}

int FakeCompileService::Compiles(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  int count = 0;
  for (const auto& entry : compiled_) count += entry.first == key;
  return count;
}

DeviceOptions DeviceTest::Defaults(DeviceOptions options) {
  if (options.worker_path.empty()) options.worker_path = AMDGPU_FAKE_WORKER;
  if (options.memory_limit_bytes == 0) options.memory_limit_bytes = std::uint64_t{1} << 30;
  options.slab_bytes = std::uint64_t{4} << 20;
  return options;
}

void DeviceTest::Open(DeviceOptions options) {
  if (device_ != nullptr) device_->Close();
  auto events = std::make_shared<Events>();
  DeviceCallbacks callbacks;
  callbacks.on_worker_exit = [events](const WorkerExit& exit) {
    const std::lock_guard lock(events->mutex);
    events->exits.push_back(exit);
    events->changed.notify_all();
  };
  callbacks.on_print = [events](absl::string_view text) {
    const std::lock_guard lock(events->mutex);
    absl::StrAppend(&events->printed, text);
  };
  absl::StatusOr<DeviceRef> device =
      Device::Open(Defaults(std::move(options)), compiler_, std::move(callbacks));
  ASSERT_TRUE(device.ok()) << device.status();
  device_ = *std::move(device);
  events_ = std::move(events);
}

void DeviceTest::TearDown() {
  if (device_ != nullptr) device_->Close();
}

absl::Status DeviceTest::Await(const JobRef& job) {
  auto done = std::make_shared<std::promise<void>>();
  if (!job->Poll(20'000) && job->Subscribe([done] { done->set_value(); }) != 0 &&
      done->get_future().wait_for(std::chrono::seconds(30)) == std::future_status::timeout) {
    return absl::DeadlineExceededError("the test waited for 30 s");
  }
  EXPECT_TRUE(job->done());
  return job->status();
}

KernelRef DeviceTest::Kernel(const std::string& name, const std::string& source) {
  proto::CompileRequest request;
  request.set_source(source);
  const JobRef job = device_->Compile(request, name, "aura", /*owner=*/0);
  const absl::Status status = Await(job);
  EXPECT_TRUE(status.ok()) << status;
  return job->kernel();
}

BufferRef DeviceTest::NewInts(std::uint64_t count, OwnerId owner) {
  absl::StatusOr<BufferRef> buffer = device_->Allocate(proto::DTYPE_I32, count, owner, 0);
  if (buffer.ok()) return *buffer;
  EXPECT_EQ(buffer.status().code(), absl::StatusCode::kUnavailable) << buffer.status();
  const JobRef job = device_->AllocateSlow(proto::DTYPE_I32, count, owner, 0);
  const absl::Status status = Await(job);
  EXPECT_TRUE(status.ok()) << status;
  return job->buffer();
}

std::vector<std::int32_t> DeviceTest::Read(const BufferRef& buffer) {
  while (true) {
    absl::StatusOr<JobRef> fence = device_->ReadFence(buffer);
    EXPECT_TRUE(fence.ok()) << fence.status();
    if (!fence.ok()) return {};
    if (*fence != nullptr) {
      Await(*fence).IgnoreError();
      continue;
    }
    absl::StatusOr<BufferView> view = device_->View(buffer, 0, buffer->bytes());
    if (absl::IsUnavailable(view.status())) continue;
    EXPECT_TRUE(view.ok()) << view.status();
    std::vector<std::int32_t> values(buffer->elements());
    if (!values.empty()) std::memcpy(values.data(), view->bytes.data(), view->bytes.size());
    return values;
  }
}

void DeviceTest::Fill(const BufferRef& buffer, std::int32_t value) {
  const auto* pattern = reinterpret_cast<const std::byte*>(&value);
  absl::StatusOr<JobRef> job = device_->Fill(buffer, {pattern, sizeof(value)}, 0);
  ASSERT_TRUE(job.ok()) << job.status();
  const absl::Status status = Await(*job);
  ASSERT_TRUE(status.ok()) << status;
}

absl::StatusOr<JobRef> DeviceTest::Launch(const std::string& kernel,
                                          std::vector<Argument> arguments, LaunchOptions options) {
  return device_->Launch(Kernel(kernel), options, arguments);
}

absl::Status DeviceTest::Run(const std::string& kernel, std::vector<Argument> arguments,
                             LaunchOptions options) {
  absl::StatusOr<JobRef> job = Launch(kernel, std::move(arguments), options);
  return job.ok() ? Await(*job) : job.status();
}

std::vector<WorkerExit> DeviceTest::AwaitExits(std::size_t count) {
  std::unique_lock lock(events_->mutex);
  EXPECT_TRUE(events_->changed.wait_for(lock, std::chrono::seconds(30),
                                        [&] { return events_->exits.size() >= count; }));
  return events_->exits;
}

}  // namespace amdgpu::testing

#include "tests/c_src/runtime/fake_driver.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "c_src/base/clock.h"

namespace amdgpu::testing {
namespace {

struct Call {
  const std::byte* args;
  gpu::Dim3 grid;
  gpu::Dim3 block;
  gpu::Ticket ticket;
  gpu::CompletionSink* sink;

  template <typename T>
  T Get(std::size_t offset) const {
    T value;
    std::memcpy(&value, args + offset, sizeof(value));
    return value;
  }
};

thread_local worker::LaunchIdentity* current = nullptr;
thread_local char message[64] = "";

// Keeps the compiler from knowing better.
template <typename T>
T Opaque(T value) {
  asm volatile("" : "+r"(value));
  return value;
}

int Recurse(int depth) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(depth);
  return Opaque(depth) == -1 ? 0 : Recurse(depth + 1) + frame[0];
}

void AddOne(const Call& call) {
  auto* data = call.Get<std::int32_t*>(0);
  const auto count = call.Get<std::int32_t>(8);
  for (std::int32_t i = 0; i < count; ++i) data[i] += 1;
}
void CopyInts(const Call& call) {
  const auto* from = call.Get<const std::int32_t*>(0);
  auto* to = call.Get<std::int32_t*>(8);
  const auto count = call.Get<std::int32_t>(16);
  std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(std::int32_t));
}
void Spin(const Call& call) {
  const std::uint64_t end = NowNs() + call.Get<std::uint64_t>(0);
  while (NowNs() < end) {
  }
}
void Print(const Call& call) {
  call.sink->OnPrint(call.ticket, "hello from " + std::to_string(call.Get<std::int32_t>(0)) + "\n");
}
void WriteAt(const Call& call) { *Opaque(call.Get<char*>(0) + call.Get<std::int64_t>(8)) = 1; }
void Fail(const Call& call) {
  switch (call.Get<std::int32_t>(0)) {
    case 0:
      *Opaque(static_cast<volatile int*>(nullptr)) = 1;
      break;
    case 1:
      std::strcpy(message, "assertion failed: x == y");
      [[fallthrough]];
    case 2:
      std::abort();
    case 3:
      __builtin_trap();
    case 4: {
      // In assembler: a sanitizer would step in.
      int quotient = 1;
      asm volatile("cltd; idivl %1" : "+a"(quotient) : "r"(Opaque(0)) : "edx");
      break;
    }
    case 5:
      Recurse(0);
      break;
    case 6:
      open("/etc/passwd", O_RDWR | O_CREAT, 0600);
      break;
    case 7:
      socket(AF_INET, SOCK_STREAM, 0);
      break;
    case 8:
      execl("/bin/true", "true", nullptr);
      break;
    case 9:
      (void)!fork();
      break;
    case 10:
      mmap(nullptr, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      break;
  }
}

struct FakeKernel {
  const char* name;
  void (*run)(const Call&);
  std::vector<proto::Param> params;
};

proto::Param Param(const char* name, proto::ParamKind kind, proto::DType dtype,
                   std::uint32_t offset, std::uint32_t size, bool read_only = false) {
  proto::Param param;
  param.set_name(name);
  param.set_type(name);
  param.set_kind(kind);
  param.set_dtype(dtype);
  param.set_offset(offset);
  param.set_size(size);
  param.set_alignment(size);
  param.set_read_only(read_only);
  param.set_lanes(1);
  return param;
}

const std::vector<FakeKernel>& Kernels() {
  using proto::PARAM_AGGREGATE;
  using proto::PARAM_POINTER;
  using proto::PARAM_SCALAR;
  static const auto* const kernels = new std::vector<FakeKernel>{
      {"empty", [](const Call&) {}, {}},
      {"add_one",
       AddOne,
       {Param("data", PARAM_POINTER, proto::DTYPE_I32, 0, 8),
        Param("count", PARAM_SCALAR, proto::DTYPE_I32, 8, 4)}},
      {"copy_ints",
       CopyInts,
       {Param("from", PARAM_POINTER, proto::DTYPE_I32, 0, 8, true),
        Param("to", PARAM_POINTER, proto::DTYPE_I32, 8, 8),
        Param("count", PARAM_SCALAR, proto::DTYPE_I32, 16, 4)}},
      {"spin", Spin, {Param("ns", PARAM_SCALAR, proto::DTYPE_U64, 0, 8)}},
      {"print", Print, {Param("number", PARAM_SCALAR, proto::DTYPE_I32, 0, 4)}},
      {"write_at",
       WriteAt,
       {Param("data", PARAM_POINTER, proto::DTYPE_NONE, 0, 8),
        Param("offset", PARAM_SCALAR, proto::DTYPE_I64, 8, 8)}},
      {"fail", Fail, {Param("how", PARAM_SCALAR, proto::DTYPE_I32, 0, 4)}},
      {"typed",
       [](const Call&) {},
       {Param("small", PARAM_SCALAR, proto::DTYPE_U8, 0, 1),
        Param("real", PARAM_SCALAR, proto::DTYPE_F32, 4, 4),
        Param("half", PARAM_SCALAR, proto::DTYPE_F16, 8, 2),
        Param("flag", PARAM_SCALAR, proto::DTYPE_BOOL, 10, 1),
        Param("vector", PARAM_AGGREGATE, proto::DTYPE_NONE, 16, 12)}},
  };
  return *kernels;
}

// A function's handle is its module's times this, and its number in there.
constexpr gpu::FunctionHandle kFakeHandles = 1000;

class FakeDriver final : public gpu::Driver {
 public:
  FakeDriver(const worker::DriverRequest& request, gpu::CompletionSink& sink)
      : arena_fd_(request.arena_fd), sink_(sink) {
    properties_.set_kind("host");
    properties_.set_name("fake");
    properties_.set_compute_units(3);
    properties_.set_warp_size(32);
    properties_.set_max_threads_per_block(1024);
    for (int i = 0; i < 3; ++i) {
      properties_.add_max_block(1024);
      properties_.add_max_grid(1 << 30);
    }
    properties_.set_max_shared_bytes(65536);
    properties_.set_max_grid_threads(std::uint64_t{1} << 31);
    properties_.set_host_visible(true);
    properties_.set_shape_specialised(true);
    properties_.set_memory_bytes(request.arena_bytes);
    streams_[0];
    for (int i = 0; i < 3; ++i) {
      std::thread([this] {
        worker::AlternateStack stack;
        RunThread();
      }).detach();
    }
  }

  const gpu::Properties& properties() const override { return properties_; }

  absl::StatusOr<gpu::DeviceAddress> Reserve(std::uint64_t bytes, std::uint64_t offset) override {
    const std::lock_guard lock(mutex_);
    // A page that cannot be touched before and after, so that overruns are faults.
    char* space = static_cast<char*>(
        mmap(nullptr, bytes + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    void* slab = mmap(space + 4096, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                      arena_fd_, static_cast<off_t>(offset));
    if (slab == MAP_FAILED) return absl::ResourceExhaustedError("mmap");
    return reinterpret_cast<gpu::DeviceAddress>(slab);
  }
  absl::Status Release(gpu::DeviceAddress) override { return absl::OkStatus(); }

  absl::StatusOr<gpu::Module> Load(absl::Span<const std::byte> code,
                                   gpu::ModuleHandle variant_of) override {
    const absl::string_view text(reinterpret_cast<const char*>(code.data()), code.size());
    if (text != kFakeCode) return absl::InvalidArgumentError("not a code object");
    std::lock_guard lock(mutex_);
    if (variant_of != 0 && !loaded_.contains(variant_of)) return absl::NotFoundError("no base");
    if (loaded_.size() >= kMostFakeModules) return absl::ResourceExhaustedError("too many modules");
    gpu::Module module;
    module.handle = ++modules_;
    loaded_.emplace(module.handle, variant_of);
    gpu::FunctionHandle handle = kFakeHandles * module.handle;
    for (const FakeKernel& kernel : Kernels()) {
      gpu::Function function{handle++, {}};
      function.info.set_name(kernel.name);
      function.info.set_symbol(kernel.name);
      for (const proto::Param& param : kernel.params) *function.info.add_params() = param;
      function.info.set_args_size(32);
      module.functions.push_back(function);
    }
    return module;
  }
  absl::Status Unload(gpu::ModuleHandle module) override {
    std::lock_guard lock(mutex_);
    for (const auto& [variant, base] : loaded_) {
      if (base == module) return absl::FailedPreconditionError("it has variants");
    }
    return loaded_.erase(module) != 0 ? absl::OkStatus() : absl::NotFoundError("no such module");
  }
  absl::StatusOr<gpu::Global> FindGlobal(gpu::ModuleHandle, absl::string_view name) override {
    if (name != "table") return absl::NotFoundError("no such variable");
    return gpu::Global{reinterpret_cast<gpu::DeviceAddress>(table_), sizeof(table_)};
  }

  absl::StatusOr<gpu::FunctionInfo> Describe(gpu::FunctionHandle) override {
    return absl::UnimplementedError("fake");
  }
  absl::StatusOr<gpu::Occupancy> OccupancyOf(gpu::FunctionHandle, std::uint32_t,
                                             std::uint32_t) override {
    return absl::UnimplementedError("fake");
  }

  absl::Status CreateStream(gpu::StreamId stream) override {
    std::lock_guard lock(mutex_);
    streams_[stream];
    return absl::OkStatus();
  }
  absl::Status DestroyStream(gpu::StreamId stream) override {
    std::lock_guard lock(mutex_);
    streams_.erase(stream);
    return absl::OkStatus();
  }

  absl::Status Launch(gpu::StreamId stream, gpu::Ticket ticket,
                      const gpu::LaunchParams& launch) override {
    const std::uint64_t index = launch.function % kFakeHandles;
    if (!IsLoaded(launch.function) || index >= Kernels().size()) {
      return absl::NotFoundError("no such function");
    }
    const FakeKernel& kernel = Kernels()[index];
    std::vector<std::byte> args(launch.args.begin(), launch.args.end());
    const auto run = [this, &kernel, args, ticket, launch] {
      if (!IsLoaded(launch.function)) std::abort();  // its code is gone
      const Call call{args.data(), launch.grid, launch.block, ticket, &sink_};
      worker::LaunchIdentity identity{ticket, launch.function, message};
      current = &identity;
      kernel.run(call);
      current = nullptr;
    };
    return Queue(stream, ticket, run, launch.grid.Volume() == 1);
  }
  absl::Status Copy(gpu::StreamId stream, gpu::Ticket ticket, gpu::DeviceAddress destination,
                    gpu::DeviceAddress source, std::uint64_t bytes) override {
    return Queue(stream, ticket, [=] {
      std::memmove(reinterpret_cast<void*>(destination), reinterpret_cast<void*>(source), bytes);
    });
  }
  absl::Status CopyIn(gpu::StreamId stream, gpu::Ticket ticket, gpu::DeviceAddress destination,
                      const void* source, std::uint64_t bytes) override {
    return Queue(stream, ticket,
                 [=] { std::memcpy(reinterpret_cast<void*>(destination), source, bytes); });
  }
  absl::Status CopyOut(gpu::StreamId stream, gpu::Ticket ticket, void* destination,
                       gpu::DeviceAddress source, std::uint64_t bytes) override {
    return Queue(stream, ticket,
                 [=] { std::memcpy(destination, reinterpret_cast<void*>(source), bytes); });
  }
  absl::Status Fill(gpu::StreamId stream, gpu::Ticket ticket, gpu::DeviceAddress destination,
                    std::uint64_t pattern, std::uint32_t pattern_bytes,
                    std::uint64_t bytes) override {
    return Queue(stream, ticket, [=] {
      for (std::uint64_t i = 0; i < bytes; i += pattern_bytes) {
        std::memcpy(reinterpret_cast<char*>(destination) + i, &pattern, pattern_bytes);
      }
    });
  }
  absl::Status Marker(gpu::StreamId stream, gpu::Ticket ticket) override {
    return Queue(stream, ticket, [] {}, true);
  }

  absl::Status Record(gpu::StreamId stream, gpu::EventId event) override {
    std::lock_guard lock(mutex_);
    events_[event] = {stream, streams_[stream].queued};
    return absl::OkStatus();
  }
  absl::Status Wait(gpu::StreamId stream, gpu::EventId event) override {
    std::lock_guard lock(mutex_);
    if (!events_.contains(event)) return absl::NotFoundError("no such event");
    Stream& waiting = streams_[stream];
    waiting.work.push_back({0, nullptr, events_[event]});
    ++waiting.queued;
    changed_.notify_all();
    return absl::OkStatus();
  }
  absl::StatusOr<bool> Query(gpu::EventId) override { return absl::UnimplementedError("fake"); }
  absl::Status DestroyEvent(gpu::EventId) override { return absl::OkStatus(); }
  absl::Status Synchronize(gpu::StreamId) override { return absl::UnimplementedError("fake"); }
  std::optional<gpu::Fault> LastFault() const override { return std::nullopt; }

 private:
  bool IsLoaded(gpu::FunctionHandle function) {
    std::lock_guard lock(mutex_);
    return loaded_.contains(function / kFakeHandles);
  }

  struct Event {
    gpu::StreamId stream = 0;
    std::uint64_t queued = 0;
  };
  struct Work {
    gpu::Ticket ticket;
    std::function<void()> run;  // null: wait for `event`
    Event event;
  };
  struct Stream {
    std::deque<Work> work;
    bool busy = false;
    std::uint64_t queued = 0;
    std::uint64_t ended = 0;
  };

  absl::Status Queue(gpu::StreamId stream, gpu::Ticket ticket, std::function<void()> run,
                     bool may_run_here = false) {
    std::unique_lock lock(mutex_);
    const auto found = streams_.find(stream);
    if (found == streams_.end()) return absl::NotFoundError("no such stream");
    Stream& queue = found->second;
    ++queue.queued;
    if (may_run_here && !queue.busy && queue.work.empty()) {
      queue.busy = true;
      lock.unlock();
      Run({ticket, std::move(run), {}});
      lock.lock();
      queue.busy = false;
      ++queue.ended;
      // Benchmarks launch here: nobody is woken for nothing.
      if (Runnable() != nullptr) changed_.notify_all();
      return absl::OkStatus();
    }
    queue.work.push_back({ticket, std::move(run), {}});
    changed_.notify_all();
    return absl::OkStatus();
  }

  void Run(const Work& work) {
    const std::uint64_t started = NowNs();
    sink_.OnStart(work.ticket, started);
    work.run();
    sink_.OnComplete({work.ticket, absl::StatusCode::kOk, started, NowNs()});
  }

  void RunThread() {
    std::unique_lock lock(mutex_);
    while (true) {
      Stream* const stream = Runnable();
      if (stream == nullptr) {
        changed_.wait(lock);
        continue;
      }
      const Work work = std::move(stream->work.front());
      stream->work.pop_front();
      if (work.run != nullptr) {
        stream->busy = true;
        lock.unlock();
        Run(work);
        lock.lock();
        stream->busy = false;
      }
      ++stream->ended;
      changed_.notify_all();
    }
  }

  Stream* Runnable() {
    for (auto& [id, stream] : streams_) {
      if (stream.busy || stream.work.empty()) continue;
      const Work& next = stream.work.front();
      if (next.run != nullptr || streams_[next.event.stream].ended >= next.event.queued) {
        return &stream;
      }
    }
    return nullptr;
  }

  const int arena_fd_;
  gpu::CompletionSink& sink_;
  gpu::Properties properties_;
  std::int32_t table_[16] = {};
  std::mutex mutex_;
  std::condition_variable changed_;
  gpu::ModuleHandle modules_ = 0;                               // ever loaded
  std::map<gpu::ModuleHandle, gpu::ModuleHandle> loaded_ = {};  // and what each is a variant of
  std::map<gpu::StreamId, Stream> streams_;
  std::map<gpu::EventId, Event> events_;
};

}  // namespace

std::unique_ptr<gpu::Driver> MakeFakeDriver(const worker::DriverRequest& request,
                                            gpu::CompletionSink& sink) {
  return std::make_unique<FakeDriver>(request, sink);
}

bool CurrentFakeLaunch(worker::LaunchIdentity* identity) {
  if (current == nullptr) return false;
  *identity = *current;
  return true;
}

}  // namespace amdgpu::testing

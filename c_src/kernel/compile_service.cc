// The service itself: who waits for what. The caches, the compiler process and the threads are
// rooms of their own.

#include "c_src/kernel/compile_service.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "c_src/base/clock.h"
#include "c_src/base/error.h"
#include "c_src/base/mutex.h"
#include "c_src/kernel/cache_directory.h"
#include "c_src/kernel/compile_error.h"
#include "c_src/kernel/compiler_client.h"
#include "c_src/kernel/compiler_set.h"
#include "c_src/kernel/content_key.h"
#include "c_src/kernel/disk_cache.h"
#include "c_src/kernel/key_lock.h"
#include "c_src/kernel/memory_cache.h"
#include "c_src/kernel/serial_queue.h"
#include "c_src/kernel/target_identity.h"

namespace amdgpu {
namespace {

using proto::CompileReply;
using proto::CompileRequest;

CodeObjectRef MakeCodeObject(std::string key, CompileReply reply) {
  auto code = std::make_shared<CodeObject>();
  code->key = std::move(key);
  code->bytes = std::move(*reply.mutable_code_object());
  code->warnings.assign(reply.diagnostics().begin(), reply.diagnostics().end());
  return code;
}

// How often to look whether another process has compiled what it is at.
constexpr std::uint64_t kPeerPauseNs = 5 * kMillisecondNs;

// A request's way: Compile() joins the flight of the same fingerprint or makes one; the disk thread
// looks on disk, again and again while another process compiles the same; the compiler's thread
// compiles; the callback thread calls back.
class Service final : public CompileService {
 public:
  Service(const CompileServiceOptions& options, UniqueFd wake_fd)
      : default_timeout_ms_(options.default_timeout_ms),
        memory_(options.memory_limit_bytes),
        callbacks_(std::make_unique<SerialQueue>("amdgpu-callback")),
        disk_thread_(std::make_unique<SerialQueue>("amdgpu-cache")),
        compiler_(std::make_unique<CompilerSet>(
            CompilerSetOptions{
                .host = {.path = options.compiler_path,
                         .args = options.compiler_args,
                         .max_parallel = options.max_parallel != 0
                                             ? options.max_parallel
                                             : std::max(1u, std::thread::hardware_concurrency()),
                         .start_timeout_ms = options.start_timeout_ms,
                         .grace_ms = options.grace_ms},
                .vendor_path = options.vendor_compiler_path},
            std::move(wake_fd))) {
    if (options.use_disk && options.disk_limit_bytes != 0) OpenDisk(options);
  }

  ~Service() override {
    std::vector<RequestId> waiting;
    {
      MutexLock lock(&mutex_);
      for (const auto& [id, request] : requests_) waiting.push_back(id);
      stopping_ = true;
    }
    for (RequestId id : waiting) Cancel(id);
    // Without a flight the compiler's thread posts nothing any more, but the disk thread may be on
    // its way to the compiler.
    disk_thread_.reset();
    compiler_.reset();
    callbacks_.reset();
  }

  void Warm() override { compiler_->Warm(); }

  CodeObjectRef Lookup(const CompileRequest& request) override {
    CodeObjectRef code = memory_.Find(Fingerprint(request));
    if (code != nullptr) {
      MutexLock lock(&mutex_);
      ++stats_.memory_hits;
    }
    return code;
  }

  RequestId Compile(CompileRequest request, Callback callback) override;
  bool Cancel(RequestId id) override;
  CompileServiceStats stats() const override;

  std::string cache_dir() const override { return disk_ == nullptr ? "" : cache_dir_; }
  absl::Status cache_status() const override { return disk_status_; }

  void Clear(bool disk) override {
    memory_.Clear();
    if (disk && disk_ != nullptr) disk_->Clear();
  }

 private:
  using FlightId = CompilerClient::JobId;

  struct Request {
    Callback callback;
    std::uint64_t start_ns;
    FlightId flight;
  };

  // One compile under way and who waits for it.
  struct Flight {
    std::string fingerprint;
    std::shared_ptr<const CompileRequest> request;
    std::vector<RequestId> waiters;
    std::string key;  // once the disk thread has made it
    KeyLockRef lock;  // while we compile for all processes
  };

  // What the disk thread looks for.
  struct DiskLook {
    FlightId flight;
    std::string key;
    std::string version;     // of the compiler; empty: not known yet
    std::uint64_t start_ns;  // of the first look
  };

  void OpenDisk(const CompileServiceOptions& options);
  void Deliver(Request request, absl::StatusOr<CodeObjectRef> code, CodeOrigin origin);
  // The request of a flight; null when it was cancelled.
  std::shared_ptr<const CompileRequest> RequestOf(FlightId id) const;
  // On the disk thread: asks which compiler it would be, whose answer may take its start.
  void AskCompiler(FlightId id);
  // On the disk thread, or one of the compiler.
  void OnVersion(FlightId id, const absl::StatusOr<std::string>& version);
  // On the disk thread.
  void LookOnDisk(FlightId id, const std::string& version);
  void LoadOrCompile(const DiskLook& look);
  // On the compiler's thread.
  void OnReply(FlightId id, absl::StatusOr<CompileReply> reply);
  // Answers everybody who waits, and forgets the flight.
  void Land(FlightId id, const absl::StatusOr<CodeObjectRef>& code, CodeOrigin origin)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::uint32_t default_timeout_ms_;
  std::string cache_dir_;
  absl::Status disk_status_;
  std::unique_ptr<DiskCache> disk_;  // may be null
  MemoryCache memory_;

  mutable Mutex mutex_;
  std::uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<RequestId, Request> requests_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<FlightId, Flight> flights_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, FlightId> by_fingerprint_ ABSL_GUARDED_BY(mutex_);
  CompileServiceStats stats_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::unique_ptr<SerialQueue> callbacks_;
  std::unique_ptr<SerialQueue> disk_thread_;
  std::unique_ptr<CompilerSet> compiler_;
};

void Service::OpenDisk(const CompileServiceOptions& options) {
  cache_dir_ = options.cache_dir.empty() ? DefaultCacheDirectory() : options.cache_dir;
  if (cache_dir_.empty()) {
    disk_status_ = absl::NotFoundError("no home directory for the compile cache");
    return;
  }
  auto disk = DiskCache::Open(cache_dir_, options.disk_limit_bytes);
  disk_status_ = disk.status();
  if (disk.ok()) {
    disk_ = *std::move(disk);
  } else {
    MutexLock lock(&mutex_);
    ++stats_.disk_errors;
  }
}

CompileService::RequestId Service::Compile(CompileRequest request, Callback callback) {
  const std::uint64_t start_ns = NowNs();
  FillDefaults(request, default_timeout_ms_);
  const absl::Status checked = CheckRequest(request);
  std::string fingerprint = Fingerprint(request);

  MutexLock lock(&mutex_);
  const RequestId id = ++last_id_;
  Request waiter{std::move(callback), start_ns, 0};
  if (!checked.ok()) {
    ++stats_.failed;
    CompileReply reply;
    reply.set_outcome(CompileReply::SOURCE_ERROR);
    reply.set_message(std::string(checked.message()));
    Deliver(std::move(waiter), CompileError(reply, request), CodeOrigin::kCompiled);
    return id;
  }
  if (const auto same = by_fingerprint_.find(fingerprint); same != by_fingerprint_.end()) {
    ++stats_.joined;
    waiter.flight = same->second;
    flights_[same->second].waiters.push_back(id);
    requests_.emplace(id, std::move(waiter));
    return id;
  }
  // After the flights: what lands is put into the memory cache first.
  if (CodeObjectRef code = memory_.Find(fingerprint); code != nullptr) {
    ++stats_.memory_hits;
    Deliver(std::move(waiter), std::move(code), CodeOrigin::kMemory);
    return id;
  }
  const FlightId flight = id;
  waiter.flight = flight;
  requests_.emplace(id, std::move(waiter));
  by_fingerprint_.emplace(fingerprint, flight);
  flights_.emplace(flight, Flight{std::move(fingerprint),
                                  std::make_shared<const CompileRequest>(std::move(request)),
                                  {id},
                                  "",
                                  nullptr});
  disk_thread_->Post([this, flight] { AskCompiler(flight); });
  return id;
}

bool Service::Cancel(RequestId id) {
  MutexLock lock(&mutex_);
  const auto found = requests_.find(id);
  if (found == requests_.end()) return false;
  Request request = std::move(found->second);
  requests_.erase(found);
  const auto flight = flights_.find(request.flight);
  std::erase(flight->second.waiters, id);
  if (flight->second.waiters.empty()) {
    compiler_->Abort(request.flight);
    by_fingerprint_.erase(flight->second.fingerprint);
    flights_.erase(flight);
  }
  Deliver(std::move(request), absl::CancelledError("the compile was cancelled"),
          CodeOrigin::kCompiled);
  return true;
}

CompileServiceStats Service::stats() const {
  MutexLock lock(&mutex_);
  CompileServiceStats stats = stats_;
  stats.crashes = compiler_->crashes();
  if (disk_ != nullptr) {
    stats.disk_errors += disk_->errors();
    stats.disk_bytes = disk_->bytes();
  }
  return stats;
}

void Service::Deliver(Request request, absl::StatusOr<CodeObjectRef> code, CodeOrigin origin) {
  callbacks_->Post([request = std::move(request), code = std::move(code), origin] {
    request.callback({code, origin, NowNs() - request.start_ns});
  });
}

std::shared_ptr<const CompileRequest> Service::RequestOf(FlightId id) const {
  MutexLock lock(&mutex_);
  const auto flight = flights_.find(id);
  return flight == flights_.end() ? nullptr : flight->second.request;
}

void Service::AskCompiler(FlightId id) {
  const std::shared_ptr<const CompileRequest> request = RequestOf(id);
  if (request == nullptr) return;
  compiler_->AskVersion(request->target(), [this, id](const absl::StatusOr<std::string>& version) {
    OnVersion(id, version);
  });
}

void Service::OnVersion(FlightId id, const absl::StatusOr<std::string>& version) {
  MutexLock lock(&mutex_);
  const auto flight = flights_.find(id);
  if (flight == flights_.end() || stopping_) return;
  if (version.ok()) {
    disk_thread_->Post([this, id, version = *version] { LookOnDisk(id, version); });
    return;
  }
  ++stats_.failed;
  CompileReply refused;
  refused.set_outcome(CompileReply::REFUSED);
  refused.set_message(std::string(version.status().message()));
  Land(id, CompileError(refused, *flight->second.request), CodeOrigin::kCompiled);
}

void Service::LookOnDisk(FlightId id, const std::string& version) {
  std::shared_ptr<const CompileRequest> request = RequestOf(id);
  if (request == nullptr) return;
  const bool for_host = request->target() == "host";
  LoadOrCompile(
      {id, ContentKey(*request, for_host ? HostTargetIdentity() : version), version, NowNs()});
}

void Service::LoadOrCompile(const DiskLook& look) {
  const FlightId id = look.flight;
  std::shared_ptr<const CompileRequest> request = RequestOf(id);
  if (request == nullptr) return;
  std::optional<CacheEntry> entry;
  absl::StatusOr<KeyLockRef> key_lock = nullptr;
  if (disk_ != nullptr) entry = disk_->Load(look.key, look.version);
  if (disk_ != nullptr && !entry.has_value()) {
    key_lock = disk_->TryLock(look.key);
    if (key_lock.ok()) entry = disk_->Load(look.key, look.version);
  }
  // Another process may take half of the time that the request has; the rest is for our own
  // compile.
  const std::uint64_t half_ns = request->timeout_ms() * kMillisecondNs / 2;
  const std::uint64_t waited_ns = std::min(NowNs() - look.start_ns, half_ns);

  MutexLock lock(&mutex_);
  const auto flight = flights_.find(id);
  if (flight == flights_.end()) return;
  if (entry.has_value()) {
    ++stats_.disk_hits;
    Land(id, MakeCodeObject(look.key, std::move(entry->reply)), CodeOrigin::kDisk);
    return;
  }
  if (absl::IsUnavailable(key_lock.status()) && waited_ns < half_ns) {
    disk_thread_->PostAt(NowNs() + kPeerPauseNs, [this, look] { LoadOrCompile(look); });
    return;
  }
  flight->second.key = look.key;
  if (key_lock.ok()) flight->second.lock = *std::move(key_lock);
  if (const auto waited_ms = static_cast<std::uint32_t>(waited_ns / kMillisecondNs)) {
    auto rest = std::make_shared<CompileRequest>(*request);
    rest->set_timeout_ms(request->timeout_ms() - waited_ms);
    request = std::move(rest);
  }
  compiler_->Start(id, std::move(request), [this, id](absl::StatusOr<CompileReply> reply) {
    OnReply(id, std::move(reply));
  });
}

void Service::OnReply(FlightId id, absl::StatusOr<CompileReply> reply) {
  MutexLock lock(&mutex_);
  const auto flight = flights_.find(id);
  if (flight == flights_.end()) return;
  if (!reply.ok() || reply->outcome() != CompileReply::OK) {
    ++stats_.failed;
    Land(id, reply.ok() ? CompileError(*reply, *flight->second.request) : reply.status(),
         CodeOrigin::kCompiled);
    return;
  }
  ++stats_.compiled;
  const std::string key = flight->second.key;
  if (disk_ != nullptr) {
    auto entry = std::make_shared<CacheEntry>();
    entry->key = key;
    entry->compiler = compiler_->KnownVersion(flight->second.request->target());
    entry->reply = *reply;
    // The lock is given up when the others can find the entry.
    disk_thread_->Post(
        [this, entry, lock = std::move(flight->second.lock)] { disk_->Store(*entry); });
  }
  Land(id, MakeCodeObject(key, *std::move(reply)), CodeOrigin::kCompiled);
}

void Service::Land(FlightId id, const absl::StatusOr<CodeObjectRef>& code, CodeOrigin origin) {
  auto flight = flights_.extract(id);
  by_fingerprint_.erase(flight.mapped().fingerprint);
  if (code.ok()) memory_.Insert(std::move(flight.mapped().fingerprint), *code);
  for (RequestId waiter : flight.mapped().waiters) {
    auto request = requests_.extract(waiter);
    Deliver(std::move(request.mapped()), code, origin);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<CompileService>> CompileService::Create(
    const CompileServiceOptions& options) {
  if (access(options.compiler_path.c_str(), X_OK) != 0) {
    return ErrnoError(errno, absl::StrCat("the compiler ", options.compiler_path));
  }
  absl::StatusOr<UniqueFd> wake_fd = CompilerClient::MakeWakeFd();
  if (!wake_fd.ok()) return wake_fd.status();
  try {
    return std::make_unique<Service>(options, *std::move(wake_fd));
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("starting a thread of the compile service: ", error.what()));
  }
}

}  // namespace amdgpu

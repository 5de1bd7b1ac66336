#include "telemetry/frame_builder.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "c_src/base/build_id.h"
#include "c_src/base/clock.h"
#include "telemetry/board.h"
#include "telemetry/hub.h"

namespace amdgpu::telemetry {
namespace {

// Of a frame may be taken by sketches; the other kernels' come with the next frames.
constexpr std::size_t kSketchBytes = 16 << 10;
// About what an entry of a sketch takes.
constexpr std::size_t kSketchEntryBytes = 4;

std::int64_t UnixNs() {
  timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void AddExtent(const std::uint32_t (&extent)[3],
               google::protobuf::RepeatedField<std::uint32_t>* to) {
  for (const std::uint32_t n : extent) to->Add(n);
}

// Launches of a kernel that have not ended: no more than its device has in flight, however many
// records were lost.
std::uint64_t Queued(const KernelTag& kernel, std::uint64_t ended,
                     const std::vector<std::unique_ptr<DeviceState>>& devices) {
  const std::uint64_t launched = kernel.launched.load(std::memory_order_relaxed);
  if (launched <= ended) return 0;
  for (const auto& device : devices) {
    if (device->number() != kernel.device) continue;
    return std::min(launched - ended, device->feed().in_flight());
  }
  return 0;
}

}  // namespace

FrameBuilder::FrameBuilder(Names& names) : names_(names) {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  proto::Runtime* const runtime = frame_.mutable_runtime();
  runtime->set_pid(getpid());
  runtime->set_hostname(name.data());
  runtime->set_build_id(std::string(BuildId()));
  runtime->set_started_ns(NowNs());
}

FrameBuilder::Kernel* FrameBuilder::KernelOf(std::uint32_t number) {
  // A number that was never given out: a kernel has scribbled over its ring.
  if (number == 0 || number > Names::kMaxKernels) return nullptr;
  if (number >= kernels_.size()) kernels_.resize(number + 1);
  if (kernels_[number] == nullptr) {
    KernelTagRef tag = names_.FindKernel(number);
    if (tag == nullptr) return nullptr;
    kernels_[number] = std::make_unique<Kernel>();
    kernels_[number]->tag = std::move(tag);
  }
  return kernels_[number].get();
}

const std::string& FrameBuilder::LabelOf(std::uint32_t number) {
  static const std::string* const kNone = new std::string();
  if (number == 0 || number > Names::kMaxLabels) return *kNone;
  if (number >= labels_.size()) labels_.resize(number + 1);
  if (labels_[number].empty()) labels_[number] = names_.LabelOf(number);
  return labels_[number];
}

void FrameBuilder::NameOwner(std::uint64_t owner) {
  if (owner != 0 && owners_.size() < Hub::kMaxOwners) owners_.insert(owner);
}

template <typename Record>
proto::CoreClass FrameBuilder::AddWork(const Record& record, float occupancy) {
  proto::CoreClass core_class = proto::CORE_CLASS_UNSPECIFIED;
  if (Kernel* const kernel = KernelOf(record.key.kernel)) {
    core_class = kernel->tag->core_class;
    kernel->work.Add(record, occupancy);
    kernel->named = true;
    kernel->stats_changed = true;
  }
  core_classes_[core_class & 3].Add(record, occupancy);
  core_classes_changed_[core_class & 3] = true;
  return core_class;
}

void FrameBuilder::AddLaunch(DeviceState& device, const LaunchRecord& launch) {
  const float occupancy = device.Occupancy(launch.key);
  device.Count(launch);
  const proto::CoreClass core_class = AddWork(launch, occupancy);
  if (frame_.launches_size() >= Hub::kMaxLaunches) {
    frame_.set_launches_omitted(frame_.launches_omitted() + 1);
    return;
  }
  NameOwner(launch.key.owner);
  proto::Launch* const entry = frame_.add_launches();
  entry->set_device(device.number());
  entry->set_ticket(launch.ticket);
  entry->set_kernel(launch.key.kernel);
  entry->set_stream(launch.key.stream);
  entry->set_owner(launch.key.owner);
  if (launch.key.label != 0) entry->set_label(LabelOf(launch.key.label));
  entry->set_queued_ns(launch.queued_ns);
  entry->set_started_ns(launch.started_ns);
  entry->set_ended_ns(launch.header.time_ns);
  AddExtent(launch.key.grid, entry->mutable_grid());
  AddExtent(launch.key.block, entry->mutable_block());
  entry->set_dynamic_shared_bytes(launch.key.dynamic_shared_bytes);
  entry->set_status(launch.key.status);
  entry->set_bytes(launch.key.bytes);
  entry->set_flops(launch.key.flops);
  entry->set_occupancy(occupancy);
  entry->set_core_class(core_class);
}

void FrameBuilder::AddRun(DeviceState& device, const LaunchRunRecord& run) {
  device.Count(run);
  AddWork(run, device.Occupancy(run.key));
  frame_.set_launches_omitted(frame_.launches_omitted() + run.count());
}

void FrameBuilder::AddCopy(const DeviceState& device, const CopyRecord& copy) {
  if (frame_.copies_size() >= Hub::kMaxCopies) {
    frame_.set_copies_omitted(frame_.copies_omitted() + 1);
    return;
  }
  NameOwner(copy.owner);
  proto::Copy* const entry = frame_.add_copies();
  entry->set_device(device.number());
  entry->set_ticket(copy.ticket);
  entry->set_stream(copy.stream);
  entry->set_owner(copy.owner);
  entry->set_direction(static_cast<proto::Copy::Direction>(copy.direction));
  entry->set_bytes(copy.bytes);
  entry->set_queued_ns(copy.queued_ns);
  entry->set_started_ns(copy.started_ns);
  entry->set_ended_ns(copy.header.time_ns);
  entry->set_status(copy.status);
}

void FrameBuilder::AddCompile(proto::Compile compile) {
  if (compile.origin() == proto::Compile::ORIGIN_COMPILED) {
    compile_busy_ns_ += compile.ended_ns() - compile.started_ns();
  }
  if (frame_.compiles_size() >= Hub::kMaxCompiles) {
    frame_.set_compiles_omitted(frame_.compiles_omitted() + 1);
    return;
  }
  NameOwner(compile.owner());
  *frame_.add_compiles() = std::move(compile);
}

void FrameBuilder::AddEvent(const proto::Event& event) {
  if (frame_.events_size() >= Hub::kMaxEvents) return;
  NameOwner(event.owner());
  *frame_.add_events() = event;
}

void FrameBuilder::Build(const FrameFigures& figures,
                         const std::vector<std::unique_ptr<DeviceState>>& devices,
                         const FillCompileStats& compile_stats) {
  const std::uint64_t now = figures.now_ns;
  const bool each_second = now >= next_second_ns_;
  if (each_second) next_second_ns_ = now + kSecondNs;
  frame_.set_sequence(++sequence_);
  frame_.set_time_ns(now);
  frame_.set_unix_ns(UnixNs());
  frame_.set_interval_ns(last_ns_ == 0 ? 0 : now - last_ns_);
  last_ns_ = now;
  if (each_second) {
    FillRuntime(now);
    names_.ForgetEnded();
    if (compile_stats) compile_stats(frame_.mutable_compile_stats());
  }
  frame_.mutable_compile_stats()->set_busy_ns_total(compile_busy_ns_);
  FillDevices(figures, each_second, devices);
  FillActive(devices);
  FillKernels(each_second, devices);
  FillCoreClasses(each_second, devices);
  FillOwners();
  *frame_.mutable_pipeline() = figures.pipeline;
}

void FrameBuilder::FillRuntime(std::uint64_t now_ns) {
  proto::Runtime* const runtime = frame_.mutable_runtime();
  const std::uint64_t cpu = ProcessCpuNs();
  if (cpu_at_ns_ != 0) {
    runtime->set_cpu_ratio(static_cast<double>(cpu - cpu_ns_) /
                           static_cast<double>(now_ns - cpu_at_ns_));
  }
  cpu_ns_ = cpu;
  cpu_at_ns_ = now_ns;
  if (const std::uint64_t rss = memory_.bytes(); rss != 0) runtime->set_rss_bytes(rss);
}

void FrameBuilder::FillDevices(const FrameFigures& figures, bool each_second,
                               const std::vector<std::unique_ptr<DeviceState>>& devices) {
  const bool owners = figures.now_ns >= next_owners_ns_;
  if (owners) next_owners_ns_ = figures.now_ns + kSecondNs / 10;
  while (frame_.devices_size() > static_cast<int>(devices.size())) {
    frame_.mutable_devices()->RemoveLast();
  }
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const int place = static_cast<int>(i);
    proto::DeviceSample* const sample =
        place < frame_.devices_size() ? frame_.mutable_devices(place) : frame_.add_devices();
    const bool fresh = sample->device() != devices[i]->number();
    devices[i]->Fill(figures.now_ns, frame_.interval_ns(), owners || fresh, each_second, sample);
    for (const proto::OwnerUse& use : sample->pool().owners()) NameOwner(use.owner());
    for (const proto::PoolBlock& block : sample->pool().blocks()) NameOwner(block.owner());
  }
}

void FrameBuilder::FillActive(const std::vector<std::unique_ptr<DeviceState>>& devices) {
  std::array<std::uint32_t, Hub::kMaxActive> labels;
  std::uint64_t all = 0;
  for (const auto& device : devices) {
    const int before = frame_.active_size();
    const std::size_t room = static_cast<std::size_t>(Hub::kMaxActive - before);
    all += device->feed().FillActive(room, frame_.mutable_active(), labels.data());
    for (int i = before; i < frame_.active_size(); ++i) {
      proto::ActiveLaunch* const active = frame_.mutable_active(i);
      active->set_device(device->number());
      const std::uint32_t label = labels[static_cast<std::size_t>(i - before)];
      if (label != 0) active->set_label(LabelOf(label));
      if (Kernel* const kernel = KernelOf(active->kernel())) {
        kernel->named = true;
        active->set_core_class(kernel->tag->core_class);
      }
      NameOwner(active->owner());
    }
  }
  frame_.set_active_omitted(all - static_cast<std::uint64_t>(frame_.active_size()));
}

void FrameBuilder::FillKernels(bool each_second,
                               const std::vector<std::unique_ptr<DeviceState>>& devices) {
  if (each_second) sketch_cursor_ = 0;
  std::size_t sketch_room = kSketchBytes;
  // There is room for those that the frame names, before all others.
  auto named =
      static_cast<int>(std::count_if(kernels_.begin(), kernels_.end(), [](const auto& kernel) {
        return kernel != nullptr && kernel->named;
      }));
  for (std::size_t number = 1; number < kernels_.size(); ++number) {
    Kernel* const kernel = kernels_[number].get();
    if (kernel == nullptr) continue;
    // Sketches come kernel by kernel, as they fit, beginning anew each second.
    bool with_sketch = false;
    if (number > sketch_cursor_ && sketch_room > 0) {
      sketch_cursor_ = number;
      with_sketch = kernel->stats_changed;
    }
    if (!kernel->named && !with_sketch && !each_second) continue;
    if (std::exchange(kernel->named, false)) --named;
    if (frame_.kernels_size() + named >= Hub::kMaxKernels) continue;
    proto::KernelStats* const stats = frame_.add_kernels();
    stats->set_kernel(kernel->tag->number);
    stats->set_name(kernel->tag->name);
    stats->set_core_class(kernel->tag->core_class);
    stats->set_device(kernel->tag->device);
    kernel->work.Fill(stats->mutable_work());
    stats->mutable_work()->set_queued(Queued(*kernel->tag, kernel->work.launches(), devices));
    if (with_sketch) {
      proto::Sketch* const sketch = stats->mutable_work()->mutable_sketch();
      kernel->work.sketch().Encode(sketch);
      const std::size_t bytes = kSketchEntryBytes * static_cast<std::size_t>(sketch->bucket_size());
      sketch_room -= std::min(sketch_room, bytes);
      kernel->stats_changed = false;
    }
    kernel->work.EndInterval();
  }
}

void FrameBuilder::FillCoreClasses(bool each_second,
                                   const std::vector<std::unique_ptr<DeviceState>>& devices) {
  for (const proto::CoreClass core_class :
       {proto::CORE_CLASS_AURA, proto::CORE_CLASS_MATRIX, proto::CORE_CLASS_NEUROMORPHIC}) {
    WorkStats& work = core_classes_[core_class];
    proto::CoreClassStats* const stats = frame_.add_core_classes();
    stats->set_core_class(core_class);
    work.Fill(stats->mutable_work());
    std::uint64_t queued = 0;
    for (const auto& kernel : kernels_) {
      if (kernel == nullptr || kernel->tag->core_class != core_class) continue;
      queued += Queued(*kernel->tag, kernel->work.launches(), devices);
    }
    stats->mutable_work()->set_queued(queued);
    if (!devices.empty() && frame_.interval_ns() > 0) {
      stats->set_busy_ratio(
          static_cast<double>(work.interval_busy_ns()) /
          (static_cast<double>(frame_.interval_ns()) * static_cast<double>(devices.size())));
    }
    if (each_second && std::exchange(core_classes_changed_[core_class], false)) {
      work.sketch().Encode(stats->mutable_work()->mutable_sketch());
    }
    work.EndInterval();
  }
}

void FrameBuilder::FillOwners() {
  for (const std::uint64_t owner : owners_) {
    OwnerName name = names_.OwnerOf(owner);
    proto::Owner* const entry = frame_.add_owners();
    entry->set_owner(owner);
    entry->set_process(std::move(name.process));
    entry->set_name(std::move(name.name));
    entry->set_ended(name.ended);
  }
}

void FrameBuilder::Encode(std::string* bytes) {
  if (frame_.ByteSizeLong() > kMaxFrameBytes) {
    frame_.set_launches_omitted(frame_.launches_omitted() +
                                static_cast<std::uint64_t>(frame_.launches_size()));
    frame_.clear_launches();
    frame_.set_copies_omitted(frame_.copies_omitted() +
                              static_cast<std::uint64_t>(frame_.copies_size()));
    frame_.clear_copies();
    for (proto::KernelStats& kernel : *frame_.mutable_kernels()) {
      kernel.mutable_work()->clear_sketch();
    }
    for (proto::DeviceSample& device : *frame_.mutable_devices()) {
      proto::Pool* const pool = device.mutable_pool();
      pool->set_blocks_omitted(pool->blocks_omitted() +
                               static_cast<std::uint64_t>(pool->blocks_size()));
      pool->clear_blocks();
    }
    // Whatever else is long: names of kernels may be.
    if (frame_.ByteSizeLong() > kMaxFrameBytes) frame_.clear_kernels();
    if (frame_.ByteSizeLong() > kMaxFrameBytes) frame_.clear_compiles();
    if (frame_.ByteSizeLong() > kMaxFrameBytes) frame_.clear_devices();
  }
  frame_.SerializeToString(bytes);
  BeginFrame();
}

void FrameBuilder::BeginFrame() {
  frame_.clear_launches();
  frame_.clear_launches_omitted();
  frame_.clear_active();
  frame_.clear_active_omitted();
  frame_.clear_copies();
  frame_.clear_copies_omitted();
  frame_.clear_compiles();
  frame_.clear_compiles_omitted();
  frame_.clear_kernels();
  frame_.clear_core_classes();
  frame_.clear_owners();
  frame_.clear_events();
  owners_.clear();
}

}  // namespace amdgpu::telemetry

#include "telemetry/gateway/frame_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "telemetry/metrics.h"

namespace amdgpu::gateway {
namespace {

constexpr FamilyType kGauge = FamilyType::kGauge;
constexpr FamilyType kCounter = FamilyType::kCounter;
constexpr int kMaxOwners = 10;  // of a pool

double Seconds(std::uint64_t ns) { return static_cast<double>(ns) * 1e-9; }

Labels DeviceLabels(const proto::Frame& frame, const proto::DeviceSample& device) {
  return {{"gpu", absl::StrCat(device.index())},     {"kind", device.kind()},
          {"device", absl::StrCat(device.device())}, {"gpu_uuid", device.uuid()},
          {"pci_bus_id", device.pci_address()},      {"model", device.name()},
          {"hostname", frame.runtime().hostname()}};
}

// Few, to find the rest by.
Labels ShortLabels(const proto::DeviceSample& device) {
  return {{"gpu", absl::StrCat(device.index())},
          {"kind", device.kind()},
          {"device", absl::StrCat(device.device())}};
}

Labels With(Labels labels, absl::string_view name, std::string value) {
  labels.emplace_back(name, std::move(value));
  return labels;
}

// What a device's sources measured, family by family.
void WriteValues(const proto::Frame& frame, MetricsText& text) {
  for (const telemetry::MetricInfo& info : telemetry::Metrics()) {
    const bool counter = info.type == telemetry::MetricType::kCounter;
    text.Family(counter ? absl::StripSuffix(info.name, "_total") : info.name,
                counter ? kCounter : kGauge, info.unit, info.help);
    for (const proto::DeviceSample& device : frame.devices()) {
      for (const proto::Value& value : device.values()) {
        if (value.metric() != info.metric || value.absence() != proto::ABSENCE_NONE) continue;
        if (counter && !(value.value() >= 0)) continue;
        Labels labels = DeviceLabels(frame, device);
        if (!info.label.empty()) labels.emplace_back(info.label, value.label());
        text.Sample(labels, value.value());
      }
    }
  }
  text.Family("gpu_value_absent", kGauge, "",
              "1 for a value that there is none of, with the reason.");
  for (const proto::DeviceSample& device : frame.devices()) {
    for (const proto::Value& value : device.values()) {
      const telemetry::MetricInfo* info = telemetry::FindMetric(value.metric());
      if (info == nullptr || value.absence() == proto::ABSENCE_NONE) continue;
      Labels labels = ShortLabels(device);
      labels.emplace_back("metric", std::string(info->name));
      labels.emplace_back("of", value.label());
      labels.emplace_back("reason", std::string(telemetry::AbsenceName(value.absence())));
      text.Sample(labels, std::uint64_t{1});
    }
  }
}

void WriteCores(const proto::Frame& frame, MetricsText& text) {
  const auto write = [&](const auto& of) {
    for (const proto::DeviceSample& device : frame.devices()) {
      for (int core = 0; core < of(device).size(); ++core) {
        if (std::isnan(of(device)[core])) continue;
        text.Sample(With(ShortLabels(device), "core", absl::StrCat(core)),
                    static_cast<double>(of(device)[core]));
      }
    }
  };
  text.Family("gpu_core_utilization_ratio", kGauge, "ratio",
              "Share of the time in which a core of the machine was busy.");
  write([](const proto::DeviceSample& device) -> const auto& { return device.core_utilization(); });
  text.Family("gpu_core_clock_hertz", kGauge, "hertz", "Clock rate of a core of the machine.");
  write([](const proto::DeviceSample& device) -> const auto& { return device.core_hertz(); });
}

// One value per device.
template <typename T>
void PerDevice(const proto::Frame& frame, MetricsText& text, absl::string_view name,
               FamilyType type, absl::string_view unit, absl::string_view help,
               T (*get)(const proto::DeviceSample&)) {
  text.Family(name, type, unit, help);
  for (const proto::DeviceSample& device : frame.devices()) {
    text.Sample(ShortLabels(device), get(device));
  }
}

void WriteDevices(const proto::Frame& frame, MetricsText& text) {
  using D = proto::DeviceSample;
  using U = std::uint64_t;
  const auto count = [&](absl::string_view name, absl::string_view help, U (*get)(const D&)) {
    PerDevice<U>(frame, text, name, kCounter, "", help, get);
  };
  const auto bytes = [&](absl::string_view name, absl::string_view help, U (*get)(const D&)) {
    PerDevice<U>(frame, text, name, kGauge, "bytes", help, get);
  };
  const auto gauge = [&](absl::string_view name, absl::string_view help, U (*get)(const D&)) {
    PerDevice<U>(frame, text, name, kGauge, "", help, get);
  };
  const auto seconds = [&](absl::string_view name, FamilyType type, absl::string_view help,
                           double (*get)(const D&)) {
    PerDevice<double>(frame, text, name, type, "seconds", help, get);
  };
  count("gpu_launches", "Launches that finished.",
        [](const D& d) -> U { return d.launches_total(); });
  gauge("gpu_launches_in_flight", "Launches that did not finish yet.",
        [](const D& d) -> U { return d.launches_in_flight(); });
  seconds("gpu_busy_seconds", kCounter, "Time in kernels, added over streams.",
          [](const D& d) { return Seconds(d.busy_ns_total()); });

  bytes("gpu_pool_reserved_bytes", "Memory that the pool holds.",
        [](const D& d) -> U { return d.pool().reserved_bytes(); });
  bytes("gpu_pool_used_bytes", "Memory of the pool that buffers hold, with rounding.",
        [](const D& d) -> U { return d.pool().used_bytes(); });
  bytes("gpu_pool_requested_bytes", "Memory that buffers asked for.",
        [](const D& d) -> U { return d.pool().requested_bytes(); });
  bytes("gpu_pool_peak_bytes", "Most memory of the pool that was in use at once.",
        [](const D& d) -> U { return d.pool().peak_bytes(); });
  bytes("gpu_pool_largest_free_bytes", "Largest block that is free.",
        [](const D& d) -> U { return d.pool().largest_free_bytes(); });
  bytes("gpu_pool_limit_bytes", "Memory that the pool may hold.",
        [](const D& d) -> U { return d.pool().limit_bytes(); });
  PerDevice<double>(frame, text, "gpu_pool_fragmentation_ratio", kGauge, "ratio",
                    "Share of the free memory that is not in the largest free block.",
                    [](const D& d) { return d.pool().fragmentation_ratio(); });
  gauge("gpu_pool_slabs", "Slabs that the pool divides.",
        [](const D& d) -> U { return d.pool().pool_count(); });
  count("gpu_pool_allocations", "Buffers ever made.",
        [](const D& d) -> U { return d.pool().allocations_total(); });
  count("gpu_pool_frees", "Buffers ever freed.",
        [](const D& d) -> U { return d.pool().frees_total(); });

  gauge("gpu_worker_up", "1 while the device has a worker process.",
        [](const D& d) -> U { return d.worker().pid() != 0 ? 1 : 0; });
  count("gpu_worker_restarts", "Workers that were started after one ended.",
        [](const D& d) -> U { return d.worker().restarts(); });
  seconds("gpu_worker_cpu_seconds", kCounter, "Processor time of the worker.",
          [](const D& d) { return Seconds(d.worker().cpu_ns_total()); });
  bytes("gpu_worker_resident_memory_bytes", "Resident memory of the worker.",
        [](const D& d) -> U { return d.worker().rss_bytes(); });

  count("gpu_sampler_ticks", "Times that the sampler woke.",
        [](const D& d) -> U { return d.sampler().ticks_total(); });
  count("gpu_sampler_skipped", "Ticks that were due while one was late.",
        [](const D& d) -> U { return d.sampler().skipped_total(); });
  seconds("gpu_sampler_lateness_seconds", kGauge, "Lateness of the sampler's last tick.",
          [](const D& d) { return Seconds(d.sampler().lateness_ns()); });
}

void WriteOwners(const proto::Frame& frame, MetricsText& text) {
  std::map<std::uint64_t, const proto::Owner*> owners;
  for (const proto::Owner& owner : frame.owners()) owners[owner.owner()] = &owner;
  text.Family("gpu_pool_owner_bytes", kGauge, "bytes", "Memory of those who hold the most.");
  for (const proto::DeviceSample& device : frame.devices()) {
    for (int i = 0; i < std::min(device.pool().owners_size(), kMaxOwners); ++i) {
      const proto::OwnerUse& use = device.pool().owners(i);
      const auto found = owners.find(use.owner());
      Labels labels = ShortLabels(device);
      labels.emplace_back("owner", absl::StrCat(use.owner()));
      labels.emplace_back("process", found == owners.end() ? "" : found->second->process());
      labels.emplace_back("name", found == owners.end() ? "" : found->second->name());
      text.Sample(labels, std::uint64_t{use.bytes()});
    }
  }
}

void WriteCopies(const proto::Frame& frame, MetricsText& text) {
  const auto write = [&](const auto& sample) {
    for (const proto::DeviceSample& device : frame.devices()) {
      sample(With(ShortLabels(device), "direction", "in"), device.copies_in());
      sample(With(ShortLabels(device), "direction", "out"), device.copies_out());
      sample(With(ShortLabels(device), "direction", "within"), device.copies_within());
    }
  };
  text.Family("gpu_copies", kCounter, "", "Copies that finished.");
  write([&](const Labels& labels, const proto::CopyStats& copies) {
    text.Sample(labels, std::uint64_t{copies.count_total()});
  });
  text.Family("gpu_copied_bytes", kCounter, "bytes", "Bytes that were copied.");
  write([&](const Labels& labels, const proto::CopyStats& copies) {
    text.Sample(labels, std::uint64_t{copies.bytes_total()});
  });
  text.Family("gpu_copy_busy_seconds", kCounter, "seconds", "Time in copies.");
  write([&](const Labels& labels, const proto::CopyStats& copies) {
    text.Sample(labels, Seconds(copies.busy_ns_total()));
  });
}

struct LabelledWork {
  Labels labels;
  const proto::Work* work;
};

// Families named `prefix`_launches and so on.
void WriteWork(const std::vector<LabelledWork>& all, const std::string& prefix, MetricsText& text) {
  using W = proto::Work;
  const auto counts = [&](absl::string_view name, FamilyType type, absl::string_view unit,
                          absl::string_view help, std::uint64_t (*get)(const W&)) {
    text.Family(absl::StrCat(prefix, name), type, unit, help);
    for (const LabelledWork& one : all) text.Sample(one.labels, get(*one.work));
  };
  counts("_launches", kCounter, "", "Launches that finished.",
         [](const W& w) -> std::uint64_t { return w.launches_total(); });
  counts("_failed_launches", kCounter, "", "Launches that failed.",
         [](const W& w) -> std::uint64_t { return w.failed_total(); });
  counts("_queued", kGauge, "", "Launched and not finished.",
         [](const W& w) -> std::uint64_t { return w.queued(); });
  counts("_processed_bytes", kCounter, "bytes", "Bytes read and written by launches that said so.",
         [](const W& w) -> std::uint64_t { return w.bytes_total(); });
  counts("_operations", kCounter, "", "Floating point operations of launches that said so.",
         [](const W& w) -> std::uint64_t { return w.flops_total(); });
  text.Family(absl::StrCat(prefix, "_wait_seconds"), kCounter, "seconds",
              "Time from the launch to its start.");
  for (const LabelledWork& one : all) text.Sample(one.labels, Seconds(one.work->wait_ns_total()));
  text.Family(absl::StrCat(prefix, "_occupancy_ratio"), kGauge, "ratio",
              "Share of the device that launches had threads for.");
  for (const LabelledWork& one : all) {
    text.Sample(one.labels, static_cast<double>(one.work->occupancy()));
  }
  text.Family(absl::StrCat(prefix, "_duration_seconds"), FamilyType::kSummary, "seconds",
              "Time of a launch on the device.");
  for (const LabelledWork& one : all) {
    const W& work = *one.work;
    text.Summary(one.labels, {{0.5, Seconds(work.p50_ns())}, {0.99, Seconds(work.p99_ns())}},
                 Seconds(work.busy_ns_total()), work.launches_total());
  }
}

void WriteKernels(const Present& present, MetricsText& text) {
  std::vector<LabelledWork> kernels;
  for (const auto& [number, kernel] : present.kernels()) {
    kernels.push_back({{{"kernel", kernel.name()},
                        {"id", absl::StrCat(number)},
                        {"device", absl::StrCat(kernel.device())},
                        {"core_class", std::string(telemetry::CoreClassName(kernel.core_class()))}},
                       &kernel.work()});
  }
  WriteWork(kernels, "gpu_kernel", text);
  std::vector<LabelledWork> classes;
  for (const proto::CoreClassStats& stats : present.frame().core_classes()) {
    classes.push_back({{{"core_class", std::string(telemetry::CoreClassName(stats.core_class()))}},
                       &stats.work()});
  }
  WriteWork(classes, "gpu_core_class", text);
  text.Family("gpu_core_class_busy_ratio", kGauge, "ratio",
              "Share of the time in which a class of cores was busy.");
  for (const proto::CoreClassStats& stats : present.frame().core_classes()) {
    text.Sample({{"core_class", std::string(telemetry::CoreClassName(stats.core_class()))}},
                stats.busy_ratio());
  }
}

void WriteRuntime(const proto::Frame& frame, MetricsText& text) {
  const auto gauge = [&](absl::string_view name, absl::string_view unit, absl::string_view help,
                         double value) {
    text.Family(name, kGauge, unit, help);
    text.Sample({}, value);
  };
  const auto count = [&](absl::string_view name, absl::string_view help, std::uint64_t value) {
    text.Family(name, kCounter, "", help);
    text.Sample({}, value);
  };
  const proto::CompileStats& compiles = frame.compile_stats();
  count("gpu_compiles", "Kernels that were compiled.", compiles.compiled_total());
  count("gpu_compile_failures", "Compiles that failed.", compiles.failed_total());
  count("gpu_compile_crashes", "Compilers that crashed.", compiles.crashes_total());
  text.Family("gpu_compile_cache_hits", kCounter, "", "Kernels that a cache had.");
  text.Sample({{"cache", "memory"}}, std::uint64_t{compiles.memory_hits_total()});
  text.Sample({{"cache", "disk"}}, std::uint64_t{compiles.disk_hits_total()});
  text.Family("gpu_compile_seconds", kCounter, "seconds",
              "Time from request to result of compiles.");
  text.Sample({}, Seconds(compiles.busy_ns_total()));
  gauge("gpu_compile_cache_bytes", "bytes", "Size of the cache on disk.",
        static_cast<double>(compiles.disk_bytes()));

  const proto::Pipeline& pipeline = frame.pipeline();
  count("gpu_telemetry_frames", "Frames that were made.", pipeline.frames_total());
  count("gpu_telemetry_skipped_frames", "Frames that were due while one was late.",
        pipeline.skipped_total());
  count("gpu_telemetry_records", "Records that were read from the workers.",
        pipeline.records_total());
  count("gpu_telemetry_lost_records", "Records that were overtaken before they were read.",
        pipeline.records_lost_total());
  gauge("gpu_telemetry_lateness_seconds", "seconds", "Lateness of the newest frame.",
        Seconds(pipeline.lateness_ns()));
  gauge("gpu_telemetry_encode_seconds", "seconds", "Time that encoding a frame took.",
        Seconds(pipeline.encode_ns()));
  gauge("gpu_telemetry_frame_bytes", "bytes", "Size of a frame.",
        static_cast<double>(pipeline.frame_bytes()));
  gauge("gpu_telemetry_subscribers", "", "Subscribers in the runtime's process.",
        pipeline.subscribers());
  gauge("gpu_telemetry_attached", "", "Other processes that read the frames.", pipeline.attached());

  const proto::Runtime& runtime = frame.runtime();
  text.Family("gpu_runtime_info", kGauge, "", "1, with what the runtime is.");
  text.Sample({{"pid", absl::StrCat(runtime.pid())},
               {"build", runtime.build_id()},
               {"hostname", runtime.hostname()}},
              std::uint64_t{1});
  gauge("gpu_runtime_cpu_ratio", "ratio", "Processor time of the runtime's process, of one core.",
        runtime.cpu_ratio());
  gauge("gpu_runtime_resident_memory_bytes", "bytes", "Resident memory of the runtime's process.",
        static_cast<double>(runtime.rss_bytes()));
}

void WriteGateway(const Present& present, const GatewayCounters& counters, MetricsText& text) {
  const auto one = [&](absl::string_view name, FamilyType type, absl::string_view unit,
                       absl::string_view help, std::uint64_t value) {
    text.Family(name, type, unit, help);
    text.Sample({}, value);
  };
  one("gpu_gateway_attached", kGauge, "", "1 while a runtime's frames are read.",
      present.known() ? 1 : 0);
  one("gpu_gateway_connections", kGauge, "", "Connections now.", counters.connections);
  one("gpu_gateway_accepted_connections", kCounter, "", "Connections that were taken.",
      counters.connections_total);
  one("gpu_gateway_refused_connections", kCounter, "", "Connections above the limit.",
      counters.connections_refused_total);
  one("gpu_gateway_subscribers", kGauge, "", "Clients that joined.", counters.subscribers);
  one("gpu_gateway_frames", kCounter, "", "Frames that were read.", counters.frames_total);
  one("gpu_gateway_missed_frames", kCounter, "",
      "Frames that were overtaken before they were read.", counters.frames_missed_total);
  one("gpu_gateway_sent_frames", kCounter, "", "Frames that were sent, to all clients together.",
      counters.frames_sent_total);
  one("gpu_gateway_conflated_frames", kCounter, "",
      "Frames that a slow client got a later one instead of.", counters.frames_conflated_total);
  one("gpu_gateway_sent_bytes", kCounter, "bytes", "Bytes of the frames that were sent.",
      counters.sent_bytes_total);
}

}  // namespace

void Present::Update(const proto::Frame& frame) {
  if (frame.runtime().pid() != frame_.runtime().pid() ||
      frame.runtime().started_ns() != frame_.runtime().started_ns()) {
    kernels_.clear();
  }
  known_ = true;
  frame_ = frame;
  for (const proto::KernelStats& kernel : frame.kernels()) {
    if (kernels_.size() >= kMaxKernels && kernels_.count(kernel.kernel()) == 0) continue;
    kernels_[kernel.kernel()] = kernel;
  }
}

void Present::Clear() {
  known_ = false;
  frame_.Clear();
  kernels_.clear();
}

std::string WriteMetrics(const Present& present, const GatewayCounters& counters,
                         TextFormat format) {
  MetricsText text(format);
  if (present.known()) {
    WriteValues(present.frame(), text);
    WriteCores(present.frame(), text);
    WriteDevices(present.frame(), text);
    WriteOwners(present.frame(), text);
    WriteCopies(present.frame(), text);
    WriteKernels(present, text);
    WriteRuntime(present.frame(), text);
  }
  WriteGateway(present, counters, text);
  return text.Finish();
}

}  // namespace amdgpu::gateway

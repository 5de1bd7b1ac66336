// Measures the memory pool and prints the table of the README: `bench_pool [--only TEXT]
// [--json FILE]`, or replays a log of memory events: `bench_pool --replay FILE`.

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "bench/pool/measure.h"
#include "bench/pool/subjects.h"
#include "c_src/memory/log_replay.h"

namespace amdgpu::bench {
namespace {

constexpr std::uint64_t kLargeHeap = std::uint64_t{256} << 30;

struct Row {
  std::string name;
  std::string unit;
  double target = 0;  // 0: none
  double pool = 0;
  double stack = 0;   // the pool under all adaptors
  double malloc = 0;  // 0: not measured
};

// One block at a time.
Trace PingPong(std::uint64_t bytes) {
  Trace trace;
  trace.pairs = 10'000;
  trace.slots = 1;
  trace.peak_bytes = bytes;
  for (std::size_t i = 0; i < trace.pairs; ++i) {
    trace.events.push_back({0, bytes});
    trace.events.push_back({0, 0});
  }
  return trace;
}

double ResourcePairNs(const Trace& trace, bool adaptors, Ticket lag, int runs) {
  Heap heap(kLargeHeap, adaptors);
  ResourceSubject subject(&heap.resource(), &heap.clocks(), trace.slots, /*stream=*/0, lag);
  return PairNs(trace, subject, runs);
}

Row TimeRow(const std::string& name, double target, const Trace& trace, int runs, Ticket lag = 0) {
  MallocSubject malloc(trace.slots);
  return {.name = name,
          .unit = "ns",
          .target = target,
          .pool = ResourcePairNs(trace, /*adaptors=*/false, lag, runs),
          .stack = ResourcePairNs(trace, /*adaptors=*/true, lag, runs),
          .malloc = lag == 0 ? PairNs(trace, malloc, 1) : 0};
}

Row CminRow(const std::string& name, double target, const Trace& trace, Ticket lag = 0) {
  return {.name = name,
          .unit = "x",
          .target = target,
          .pool = Cmin(trace, /*adaptors=*/false, lag),
          .stack = Cmin(trace, /*adaptors=*/true, lag)};
}

Row ThreadsRow(const std::string& name, double target, const Trace& trace, bool one_stream,
               int runs) {
  return {.name = name,
          .unit = "ns",
          .target = target,
          .pool = TwoThreadsNs(trace, one_stream, /*adaptors=*/false, runs),
          .stack = TwoThreadsNs(trace, one_stream, /*adaptors=*/true, runs)};
}

std::vector<Row> TailRows(const Trace& trace, int runs) {
  const auto tail = [&](bool adaptors) {
    Heap heap(kLargeHeap, adaptors);
    ResourceSubject subject(&heap.resource(), &heap.clocks(), trace.slots);
    return PairTail(trace, subject, runs);
  };
  const Tail pool = tail(false);
  const Tail stack = tail(true);
  MallocSubject malloc(trace.slots);
  const Tail reference = PairTail(trace, malloc, 1);
  return {{"random, 1000 live: p50", "ns", 75, pool.p50_ns, stack.p50_ns, reference.p50_ns},
          {"random, 1000 live: p99.9", "ns", 200, pool.p999_ns, stack.p999_ns, reference.p999_ns}};
}

// Rows whose name contains `only`.
std::vector<Row> Measure(const std::string& only, int runs) {
  const Trace resnet = ResNet50(/*batch=*/32, /*steps=*/20);
  const Trace gpt = Gpt({});
  const Trace recompute = Gpt({.recompute = true});
  const Trace random = Random(/*live=*/1000, /*pairs=*/20'000);
  const Trace long_random = Random(/*live=*/1000, /*pairs=*/200'000);
  const Trace small = PingPong(64 << 10);
  const Trace large = PingPong(4 << 20);
  constexpr Ticket kLag = 500;

  std::vector<Row> rows;
  const auto add = [&](const std::string& name, const auto& row_of) {
    if (name.find(only) != std::string::npos) rows.push_back(row_of(name));
  };
  const auto time = [&](const std::string& name, double target, const Trace& trace,
                        Ticket lag = 0) {
    add(name, [&](const std::string& n) { return TimeRow(n, target, trace, runs, lag); });
  };
  const auto threads = [&](const std::string& name, const Trace& trace, bool one_stream) {
    add(name, [&](const std::string& n) { return ThreadsRow(n, 200, trace, one_stream, runs); });
  };
  const auto cmin = [&](const std::string& name, double target, const Trace& trace,
                        Ticket lag = 0) {
    add(name, [&](const std::string& n) { return CminRow(n, target, trace, lag); });
  };
  time("ping-pong, 64 KiB", 25, small);
  time("ping-pong, 4 MiB (not cached)", 25, large);
  time(resnet.name, 35, resnet);
  time(gpt.name, 35, gpt);
  time(recompute.name, 35, recompute);
  time(gpt.name + ", device 500 frees behind", 0, gpt, kLag);
  time("random, 1000 live: mean", 75, random);
  const std::string tail = "random, 1000 live: tail";
  if (tail.find(only) != std::string::npos) {
    for (const Row& row : TailRows(random, runs)) rows.push_back(row);
  }
  threads("two threads, a stream each, ping-pong", small, false);
  threads("two threads, one stream, ping-pong", small, true);
  threads("two threads, a stream each, " + gpt.name, gpt, false);
  threads("two threads, a stream each, random", random, false);
  cmin("Cmin " + resnet.name, 1.05, resnet);
  cmin("Cmin " + gpt.name, 1.05, gpt);
  cmin("Cmin " + recompute.name, 1.08, recompute);
  cmin("Cmin " + random.name, 1.20, long_random);
  cmin("Cmin " + gpt.name + ", device 500 frees behind", 0, gpt, kLag);
  return rows;
}

std::string Cell(double value, const std::string& unit) {
  if (value == 0) return "-";
  char text[32];
  std::snprintf(text, sizeof(text), unit == "x" ? "%.3f" : "%.1f", value);
  return text;
}

void Print(const std::vector<Row>& rows) {
  std::printf("| %-52s | target | pool | all adaptors | malloc | |\n", "per allocate+free");
  std::printf("|%s|---|---|---|---|---|\n", std::string(54, '-').c_str());
  for (const Row& row : rows) {
    std::printf("| %-52s | %s | %s | %s | %s | %s |\n",
                (row.name + (row.unit == "ns" ? ", ns" : "")).c_str(),
                Cell(row.target, row.unit).c_str(), Cell(row.pool, row.unit).c_str(),
                Cell(row.stack, row.unit).c_str(), Cell(row.malloc, row.unit).c_str(),
                row.target == 0          ? ""
                : row.pool <= row.target ? "ok"
                                         : "over");
  }
}

bool WriteJson(const std::vector<Row>& rows, const std::string& path) {
  std::ofstream out(path);
  out << "{\"pool\": [\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    out << "  {\"name\": \"" << row.name << "\", \"unit\": \"" << row.unit
        << "\", \"target\": " << row.target << ", \"pool\": " << row.pool
        << ", \"all_adaptors\": " << row.stack << ", \"malloc\": " << row.malloc << "}"
        << (i + 1 < rows.size() ? ",\n" : "\n");
  }
  out << "]}\n";
  return out.good();
}

int Replay(const std::string& path) {
  const absl::StatusOr<std::vector<LogRecord>> records = ReadLog(path);
  if (!records.ok()) {
    std::fprintf(stderr, "%s\n", records.status().ToString().c_str());
    return 1;
  }
  DeviceMemory memory({});
  LogReplay replay(&memory.resource(), &memory.clocks());
  std::size_t allocations = 0;
  const std::uint64_t begin = NowNs();
  for (const LogRecord& record : *records) {
    if (const absl::Status status = replay.Play(record); !status.ok()) {
      std::fprintf(stderr, "%s: event %td: %s\n", path.c_str(), &record - records->data(),
                   status.ToString().c_str());
      return 1;
    }
    allocations += record.kind == LogKind::kAllocate;
  }
  const double elapsed = static_cast<double>(NowNs() - begin);
  const PoolStats stats = memory.resource().Stats();
  const MemoryUsage usage = memory.Usage();
  std::printf("%zu events, %zu allocations, %.1f ns per event\n", records->size(), allocations,
              records->empty() ? 0.0 : elapsed / records->size());
  std::printf("%llu blocks lie elsewhere than in the log\n",
              static_cast<unsigned long long>(replay.moved()));
  std::printf(
      "peak %.1f MiB live of %.1f MiB reserved; at the end %.1f MiB live, fragmentation %.3f\n",
      usage.peak_bytes / 1048576.0, stats.reserved / 1048576.0, stats.used / 1048576.0,
      stats.fragmentation_ratio);
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app{"Measures the memory pool"};
  std::string json;
  std::string only;
  std::string replay;
  int runs = 25;
  app.add_option("--json", json, "also write the results to this file");
  app.add_option("--only", only, "measure only the rows whose name contains this");
  app.add_option("--replay", replay, "play a log of memory events instead")
      ->check(CLI::ExistingFile);
  app.add_option("--runs", runs, "repetitions of each measurement")->check(CLI::Range(1, 1000));
  CLI11_PARSE(app, argc, argv);
  if (!replay.empty()) return Replay(replay);

  const std::vector<Row> rows = Measure(only, runs);
  if (rows.empty()) {
    std::fprintf(stderr, "no row's name contains '%s'\n", only.c_str());
    return 1;
  }
  Print(rows);
  if (!json.empty() && !WriteJson(rows, json)) {
    std::fprintf(stderr, "cannot write %s\n", json.c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace amdgpu::bench

int main(int argc, char** argv) { return amdgpu::bench::Main(argc, argv); }

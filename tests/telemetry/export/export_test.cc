// Exported traces and tables, read by other means than those that wrote them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "telemetry/export/exporter.h"
#include "tests/telemetry/export/trace_fields.h"
#include "tests/telemetry/recorder/frames.h"

namespace amdgpu::telemetry {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::uint64_t kFrames = 20;

std::string Export(absl::string_view format, const std::vector<proto::Frame>& frames) {
  std::string out;
  auto exporter = MakeExporter(format, [&out](absl::string_view bytes) {
    out.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  });
  EXPECT_TRUE(exporter.ok()) << exporter.status();
  for (const proto::Frame& frame : frames) EXPECT_TRUE((*exporter)->Add(frame).ok());
  EXPECT_TRUE((*exporter)->Finish().ok());
  return out;
}

std::vector<proto::Frame> SomeFrames() {
  std::vector<proto::Frame> frames;
  for (std::uint64_t n = 1; n <= kFrames; ++n) frames.push_back(MakeFrame(n));
  // What else may be in a frame.
  proto::Copy& copy = *frames[3].add_copies();
  copy.set_device(1);
  copy.set_stream(1);
  copy.set_direction(proto::Copy::DIRECTION_IN);
  copy.set_bytes(4096);
  copy.set_started_ns(frames[3].time_ns() - 200'000);
  copy.set_ended_ns(frames[3].time_ns() - 100'000);
  for (int i = 0; i < 2; ++i) {  // side by side
    proto::Compile& compile = *frames[5].add_compiles();
    compile.set_device(1);
    compile.set_kernel("reduce");
    compile.set_origin(proto::Compile::ORIGIN_COMPILED);
    compile.set_started_ns(frames[5].time_ns() - 20'000'000 + i * 1'000'000);
    compile.set_ended_ns(frames[5].time_ns() - 5'000'000);
  }
  proto::Event& event = *frames[7].add_events();
  event.set_kind(proto::Event::KIND_DEVICE_LOST);
  event.set_device(1);
  event.set_time_ns(frames[7].time_ns() - 1'000);
  event.set_message("was killed by SIGKILL");
  return frames;
}

std::int64_t Wall(std::uint64_t time_ns) {
  return kFirstUnixNs + static_cast<std::int64_t>(time_ns) -
         static_cast<std::int64_t>(kFirstTimeNs);
}

// A Perfetto trace, as its importer would take it in.
struct Trace {
  struct Track {
    std::string name;
    std::uint64_t parent = 0;
    std::uint64_t pid = 0;
    bool counter = false;
    std::uint64_t unit = 0;
    std::string unit_name;
  };
  struct Slice {
    std::uint64_t track = 0;
    std::string name;
    std::int64_t start = 0;
    std::int64_t end = 0;
    std::uint64_t flow = 0;
    std::map<std::string, std::string> arguments;
  };
  struct Stage {
    std::int64_t start;
    std::uint64_t duration;
    std::string queue, name;
    std::uint64_t gpu, pid, grid_x, block_x;
  };
  std::map<std::uint64_t, Track> tracks;
  std::vector<Slice> slices;
  std::vector<Slice> marks;  // without an end
  std::map<std::string, std::vector<std::pair<std::int64_t, double>>> counters;
  std::vector<Stage> stages;

  std::vector<Slice> SlicesOn(const std::string& name) const {
    std::vector<Slice> found;
    for (const Slice& slice : slices) {
      if (tracks.at(slice.track).name == name) found.push_back(slice);
    }
    return found;
  }
};

class Importer {
 public:
  Trace Import(const std::string& bytes) {
    const Fields file(bytes);
    EXPECT_TRUE(file.whole());
    const std::vector<Fields> packets = file.Messages(kTracePacket);
    EXPECT_THAT(packets, Not(IsEmpty()));
    const Fields snapshot = packets.at(0).Message(kPacketClockSnapshot);
    EXPECT_EQ(snapshot.Number(kSnapshotPrimaryTraceClock), kClockRealtime);
    // Perfetto's trace_processor wants to know what the time since the boot is in this clock.
    std::vector<std::uint64_t> clocks;
    for (const Fields& clock : snapshot.Messages(kSnapshotClocks))
      clocks.push_back(clock.Number(1));
    EXPECT_THAT(clocks, ElementsAre(kClockRealtime, kClockBoottime));
    EXPECT_EQ(packets.at(0).Number(kPacketSequenceFlags), 1u);
    for (const Fields& packet : packets) Take(packet);
    for (const auto& [track, open] : open_) EXPECT_THAT(open, IsEmpty()) << "track " << track;
    return std::move(trace_);
  }

 private:
  void Take(const Fields& packet) {
    EXPECT_TRUE(packet.whole());
    EXPECT_EQ(packet.Number(kPacketSequenceId), 1u);
    const Fields interned = packet.Message(kPacketInternedData);
    for (const Fields& name : interned.Messages(kInternedEventNames)) {
      EXPECT_TRUE(names_.emplace(name.Number(kInternedIid), name.Text(kInternedName)).second);
    }
    for (const Fields& name : interned.Messages(kInternedAnnotationNames)) {
      arguments_.emplace(name.Number(kInternedIid), name.Text(kInternedName));
    }
    for (const Fields& name : interned.Messages(kInternedGpuSpecifications)) {
      EXPECT_TRUE(stages_.emplace(name.Number(kInternedIid), name.Text(kInternedName)).second);
    }
    for (const Fields& context : interned.Messages(kInternedGraphicsContexts)) {
      contexts_.emplace(context.Number(kInternedIid), context.Number(kContextPid));
    }
    if (packet.Has(kPacketTrackDescriptor)) TakeTrack(packet.Message(kPacketTrackDescriptor));
    const auto time = static_cast<std::int64_t>(packet.Number(kPacketTimestamp));
    if (packet.Has(kPacketTrackEvent)) {
      EXPECT_EQ(packet.Number(kPacketTimestampClockId), kClockRealtime);
      TakeEvent(packet.Message(kPacketTrackEvent), time);
    }
    if (packet.Has(kPacketGpuRenderStageEvent)) {
      EXPECT_EQ(packet.Number(kPacketTimestampClockId), kClockRealtime);
      const Fields stage = packet.Message(kPacketGpuRenderStageEvent);
      const Fields launch = stage.Message(kStageLaunch);
      EXPECT_TRUE(stage.Has(kStageEventId)) << "without one it is no event but a specification";
      trace_.stages.push_back(
          {time, stage.Number(kStageDuration), stages_.at(stage.Number(kStageHwQueueIid)),
           stages_.at(stage.Number(kStageStageIid)), stage.Number(kStageGpuId),
           contexts_.at(stage.Number(kStageContext)), launch.Message(kLaunchGridSize).Number(1),
           launch.Message(kLaunchWorkgroupSize).Number(1)});
    }
  }

  void TakeTrack(const Fields& descriptor) {
    Trace::Track track;
    track.name = descriptor.Text(kTrackName);
    track.parent = descriptor.Number(kTrackParentUuid);
    track.pid = descriptor.Message(kTrackProcess).Number(kProcessPid);
    track.counter = descriptor.Has(kTrackCounter);
    track.unit = descriptor.Message(kTrackCounter).Number(kCounterUnit);
    track.unit_name = descriptor.Message(kTrackCounter).Text(kCounterUnitName);
    EXPECT_TRUE(track.parent == 0 || trace_.tracks.contains(track.parent));
    EXPECT_NE(descriptor.Number(kTrackUuid), 0u);
    EXPECT_TRUE(trace_.tracks.emplace(descriptor.Number(kTrackUuid), track).second);
  }

  void TakeEvent(const Fields& event, std::int64_t time) {
    const std::uint64_t track = event.Number(kEventTrackUuid);
    ASSERT_TRUE(trace_.tracks.contains(track));
    Trace::Slice slice;
    slice.track = track;
    slice.start = time;
    if (event.Has(kEventNameIid)) slice.name = names_.at(event.Number(kEventNameIid));
    for (const Fields& argument : event.Messages(kEventDebugAnnotations)) {
      slice.arguments[arguments_.at(argument.Number(kAnnotationNameIid))] =
          argument.Text(kAnnotationStringValue);
    }
    switch (event.Number(kEventType)) {
      case kSliceBegin:
        EXPECT_THAT(open_[track], IsEmpty()) << "slices of a stream do not overlap";
        slice.flow = event.Number(kEventTerminatingFlowIds);
        open_[track].push_back(slice);
        break;
      case kSliceEnd:
        ASSERT_THAT(open_[track], SizeIs(1));
        open_[track].back().end = time;
        EXPECT_GE(time, open_[track].back().start);
        trace_.slices.push_back(open_[track].back());
        open_[track].clear();
        break;
      case kInstant:
        slice.flow = event.Number(kEventFlowIds);
        trace_.marks.push_back(slice);
        break;
      case kCounterEvent:
        EXPECT_TRUE(trace_.tracks.at(track).counter);
        trace_.counters[trace_.tracks.at(track).name].emplace_back(
            time, event.Double(kEventDoubleCounterValue));
        break;
      default:
        ADD_FAILURE() << "an event of no type";
    }
  }

  Trace trace_;
  std::map<std::uint64_t, std::string> names_, arguments_, stages_;
  std::map<std::uint64_t, std::uint64_t> contexts_;
  std::map<std::uint64_t, std::vector<Trace::Slice>> open_;
};

TEST(PerfettoExport, EveryLaunchIsOnItsStreamWithItsTimes) {
  const Trace trace = Importer().Import(Export("perfetto", SomeFrames()));
  const auto first = trace.SlicesOn("stream 0");
  ASSERT_THAT(first, SizeIs(kFrames));
  EXPECT_THAT(trace.SlicesOn("stream 1"), SizeIs(kFrames + 1)) << "and a copy";
  for (std::uint64_t n = 1; n <= kFrames; ++n) {
    const proto::Launch launch = MakeFrame(n).launches(0);
    EXPECT_EQ(first[n - 1].name, "saxpy");
    EXPECT_EQ(first[n - 1].start, Wall(launch.started_ns()));
    EXPECT_EQ(first[n - 1].end, Wall(launch.ended_ns()));
    EXPECT_EQ(first[n - 1].arguments.at("label"), "step");
  }
  const Trace::Track& stream = trace.tracks.at(first[0].track);
  EXPECT_EQ(trace.tracks.at(stream.parent).name, "host:0 A \"quoted\" CPU, model 7");
  bool copied = false;
  for (const Trace::Slice& slice : trace.SlicesOn("stream 1")) {
    if (slice.name == "copy in") copied = slice.arguments.at("bytes") == "4096";
  }
  EXPECT_TRUE(copied);
}

TEST(PerfettoExport, AnArrowLeadsFromTheElixirProcessToEachLaunch) {
  const Trace trace = Importer().Import(Export("perfetto", SomeFrames()));
  std::map<std::uint64_t, Trace::Slice> from;
  for (const Trace::Slice& mark : trace.marks) {
    if (mark.flow == 0) continue;
    EXPECT_TRUE(from.emplace(mark.flow, mark).second) << "a flow begins once";
  }
  std::set<std::uint64_t> arrived;
  for (const Trace::Slice& slice : trace.slices) {
    if (slice.flow == 0) continue;
    ASSERT_TRUE(from.contains(slice.flow));
    EXPECT_TRUE(arrived.insert(slice.flow).second);
    const Trace::Slice& mark = from.at(slice.flow);
    EXPECT_EQ(mark.name, slice.name);
    EXPECT_LE(mark.start, slice.start);
    const Trace::Track& owner = trace.tracks.at(mark.track);
    EXPECT_EQ(owner.name, "<0.123.0> Elixir.Trainer");
    EXPECT_EQ(trace.tracks.at(owner.parent).pid, 4242u);
  }
  EXPECT_THAT(arrived, SizeIs(2 * kFrames));
}

// Perfetto's own reader, where there is one.
TEST(PerfettoExport, TraceProcessorReadsItAndFindsNoFault) {
  const char* const program = std::getenv("AMDGPU_TRACE_PROCESSOR");
  if (program == nullptr) {
    GTEST_SKIP() << "trace_processor_shell is in no package of Debian's; "
                    "AMDGPU_TRACE_PROCESSOR=PATH runs it";
  }
  std::string directory = (std::filesystem::temp_directory_path() / "traceXXXXXX").string();
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  std::ofstream(directory + "/trace", std::ios::binary) << Export("perfetto", SomeFrames());
  std::ofstream(directory + "/query")
      << "select (select count(*) from gpu_slice), (select sum(dur) from gpu_slice),"
         " (select count(*) from flow),"
         " (select count(*) from stats where severity in ('error', 'data_loss') and value > 0);";
  const std::string command = absl::StrCat(program, " -q ", directory, "/query ", directory,
                                           "/trace 2>", directory, "/said");
  std::string answer;
  std::FILE* const pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    answer.push_back(static_cast<char>(c));
  }
  EXPECT_EQ(pclose(pipe), 0);
  std::uint64_t busy_ns = 0;
  for (std::uint64_t n = 1; n <= kFrames; ++n) {
    const proto::Frame frame = MakeFrame(n);
    for (const proto::Launch& launch : frame.launches()) {
      busy_ns += launch.ended_ns() - launch.started_ns();
    }
  }
  // Below the names of the columns.
  EXPECT_EQ(answer.substr(answer.find('\n') + 1),
            absl::StrCat(2 * kFrames, ",", busy_ns, ",", 2 * kFrames, ",0\n"));
  std::filesystem::remove_all(directory);
}

TEST(PerfettoExport, LaunchesAreRenderStagesWithTheirShape) {
  const Trace trace = Importer().Import(Export("perfetto", SomeFrames()));
  ASSERT_THAT(trace.stages, SizeIs(2 * kFrames));
  const proto::Launch launch = MakeFrame(1).launches(0);
  const Trace::Stage& stage = trace.stages[0];
  EXPECT_EQ(stage.name, "saxpy");
  EXPECT_EQ(stage.queue, "device 1 stream 0");
  EXPECT_EQ(stage.start, Wall(launch.started_ns()));
  EXPECT_EQ(stage.duration, launch.ended_ns() - launch.started_ns());
  EXPECT_EQ(stage.gpu, 1u);
  EXPECT_EQ(stage.pid, 4242u);
  EXPECT_EQ(stage.grid_x, 64u);
  EXPECT_EQ(stage.block_x, 256u);
  EXPECT_EQ(trace.stages[1].queue, "device 1 stream 1");
}

TEST(PerfettoExport, CountersHaveTheValuesWhenTheyWereRead) {
  const Trace trace = Importer().Import(Export("perfetto", SomeFrames()));
  const auto& power = trace.counters.at("gpu_power_watts{package-0}");
  ASSERT_THAT(power, SizeIs(kFrames));
  EXPECT_EQ(power[0].first, kFirstUnixNs - 1'000'000) << "read a millisecond before its frame";
  EXPECT_DOUBLE_EQ(power[0].second, 51);
  EXPECT_THAT(trace.counters.at("gpu_pool_used_bytes"), SizeIs(kFrames));
  EXPECT_THAT(trace.counters.at("gpu_pool_reserved_bytes"), SizeIs(1)) << "it never changed";
  EXPECT_FALSE(trace.counters.contains("gpu_fan_rpm")) << "what is absent is not zero";
  for (const auto& [id, track] : trace.tracks) {
    if (track.name == "gpu_pool_used_bytes") {
      EXPECT_EQ(track.unit, kUnitSizeBytes);
    }
    if (track.name == "gpu_power_watts{package-0}") {
      EXPECT_EQ(track.unit_name, "watts");
    }
  }
}

TEST(PerfettoExport, CompilesAndEventsAreThere) {
  const Trace trace = Importer().Import(Export("perfetto", SomeFrames()));
  ASSERT_THAT(trace.SlicesOn("compiles"), SizeIs(1));
  ASSERT_THAT(trace.SlicesOn("compiles 2"), SizeIs(1)) << "two at once have a track each";
  EXPECT_EQ(trace.SlicesOn("compiles")[0].name, "reduce");
  EXPECT_EQ(trace.SlicesOn("compiles")[0].arguments.at("origin"), "compiled");
  std::vector<std::string> marks;
  for (const Trace::Slice& mark : trace.marks) marks.push_back(mark.name);
  EXPECT_THAT(marks, Contains("device lost: was killed by SIGKILL"));
}

TEST(PerfettoExport, TwoRuntimesAndBootsAreOneTimeline) {
  std::vector<proto::Frame> frames = {MakeFrame(1), MakeFrame(2)};
  // An hour later, on a clock that began anew.
  proto::Frame later = MakeFrame(1);
  later.mutable_runtime()->set_pid(9999);
  later.set_unix_ns(kFirstUnixNs + 3600ll * 1'000'000'000);
  later.set_time_ns(2'000'000'000);
  for (proto::Launch& launch : *later.mutable_launches()) {
    launch.set_started_ns(1'999'000'000);
    launch.set_ended_ns(1'999'500'000);
  }
  frames.push_back(later);
  const Trace trace = Importer().Import(Export("perfetto", frames));
  const auto slices = trace.SlicesOn("stream 0");
  ASSERT_THAT(slices, SizeIs(3));
  EXPECT_EQ(slices[2].start, later.unix_ns() - 1'000'000);
  EXPECT_NE(slices[2].track, slices[1].track);
}

TEST(PerfettoExport, SlicesThatOverlapALittleAreMended) {
  proto::Frame frame = MakeFrame(1);
  frame.clear_launches();
  for (int i = 0; i < 3; ++i) {
    proto::Launch& launch = *frame.add_launches();
    launch.set_device(1);
    launch.set_ticket(i);
    launch.set_kernel(1);
    launch.set_started_ns(frame.time_ns() - 1000 + i * 100);
    launch.set_ended_ns(frame.time_ns() - 1000 + i * 100 + 150);
  }
  EXPECT_THAT(Importer().Import(Export("perfetto", {frame})).SlicesOn("stream 0"), SizeIs(3));
}

TEST(ChromeExport, IsJsonWithTheSameInIt) {
  const auto json = nlohmann::json::parse(Export("chrome", SomeFrames()));
  std::map<std::pair<int, int>, std::string> threads;
  std::map<std::string, double> starts;
  std::set<std::string> ends;
  int saxpy = 0, marks = 0, power = 0;
  double last = 0;
  for (const auto& event : json["traceEvents"]) {
    const std::string phase = event["ph"];
    if (phase == "M" && event["name"] == "thread_name") {
      threads[{event["pid"], event["tid"]}] = event["args"]["name"];
      continue;
    }
    if (phase == "M") continue;
    EXPECT_GE(event["ts"].get<double>(), 0);
    const std::string thread = threads[{event["pid"], event["tid"]}];
    if (phase == "X" && thread == "stream 0") {
      EXPECT_EQ(event["name"], "saxpy");
      EXPECT_GE(event["ts"].get<double>(), last);
      last = event["ts"].get<double>() + event["dur"].get<double>();
      EXPECT_DOUBLE_EQ(event["dur"].get<double>(), 500);
      EXPECT_EQ(event["args"]["grid"], nlohmann::json({64, 2, 1}));
      ++saxpy;
    }
    if (phase == "X" && thread == "<0.123.0> Elixir.Trainer") ++marks;
    if (phase == "s") starts[event["id"]] = event["ts"];
    if (phase == "f") {
      EXPECT_TRUE(starts.contains(event["id"]));
      EXPECT_LE(starts[event["id"]], event["ts"].get<double>());
      EXPECT_EQ(event["bp"], "e");
      ends.insert(event["id"]);
    }
    if (phase == "C" && event["name"] == "gpu_power_watts{package-0}") ++power;
  }
  EXPECT_EQ(saxpy, static_cast<int>(kFrames));
  EXPECT_EQ(marks, static_cast<int>(2 * kFrames));
  EXPECT_EQ(power, static_cast<int>(kFrames));
  EXPECT_THAT(ends, SizeIs(2 * kFrames));
  // The first launch began 0.8 ms before the first frame, which is a second after the start.
  const std::int64_t start = std::stoll(json["otherData"]["start_unix_ns"].get<std::string>());
  EXPECT_EQ(start, kFirstUnixNs - 1'000'000'000);
}

TEST(ChromeExport, OfNothingIsJsonToo) {
  EXPECT_THAT(nlohmann::json::parse(Export("chrome", {}))["traceEvents"], IsEmpty());
}

// RFC 4180.
std::vector<std::vector<std::string>> ParseCsv(const std::string& text) {
  std::vector<std::vector<std::string>> lines(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"') {
        lines.back().back() += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        lines.back().back() += text[++i];
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      lines.back().emplace_back();
    } else if (c == '\r') {
      EXPECT_EQ(text[++i], '\n');
      lines.push_back({""});
    } else {
      lines.back().back() += c;
    }
  }
  EXPECT_EQ(lines.back(), std::vector<std::string>{""}) << "the last line ends, too";
  lines.pop_back();
  return lines;
}

TEST(CsvExport, HasALineForEachValue) {
  const auto lines = ParseCsv(Export("csv", SomeFrames()));
  ASSERT_THAT(lines[0], SizeIs(6));
  int power = 0;
  for (const auto& line : lines) {
    ASSERT_THAT(line, SizeIs(6));
    if (line[3] != "gpu_power_watts{package-0}") continue;
    ++power;
    EXPECT_EQ(line[0], std::to_string(MakeFrame(power).unix_ns() - 1'000'000));
    EXPECT_EQ(line[1], "1");
    EXPECT_EQ(line[2], "host:0 A \"quoted\" CPU, model 7");
    EXPECT_EQ(line[4], "watts");
    EXPECT_EQ(std::stod(line[5]), MakeFrame(power).devices(0).values(0).value());
  }
  EXPECT_EQ(power, static_cast<int>(kFrames));
}

TEST(CsvExport, HasALineForEachLaunch) {
  std::vector<proto::Frame> frames = SomeFrames();
  frames[0].mutable_launches(0)->set_label("a,b\r\n\"c\"");
  const auto lines = ParseCsv(Export("csv-launches", frames));
  ASSERT_THAT(lines, SizeIs(1 + 2 * kFrames));
  std::map<std::string, std::string> first;
  for (std::size_t i = 0; i < lines[0].size(); ++i) first[lines[0][i]] = lines[1].at(i);
  const proto::Launch launch = MakeFrame(1).launches(0);
  EXPECT_EQ(first["kernel"], "saxpy");
  EXPECT_EQ(first["started_ns"], std::to_string(launch.started_ns()));
  EXPECT_EQ(first["ended_ns"], std::to_string(launch.ended_ns()));
  EXPECT_EQ(first["process"], "<0.123.0>");
  EXPECT_EQ(first["process_name"], "Elixir.Trainer");
  EXPECT_EQ(first["label"], "a,b\r\n\"c\"");
  EXPECT_EQ(first["grid_y"], "2");
  EXPECT_EQ(first["block_x"], "256");
  for (const auto& line : lines) EXPECT_THAT(line, SizeIs(lines[0].size()));
}

TEST(Exporter, AnOutputThatFailsIsTheResult) {
  for (const char* format : {"perfetto", "chrome", "csv", "csv-launches"}) {
    int calls = 0;
    auto exporter = MakeExporter(format, [&calls](absl::string_view) {
      ++calls;
      return absl::ResourceExhaustedError("the disk is full");
    });
    ASSERT_TRUE(exporter.ok());
    (void)(*exporter)->Add(MakeFrame(1));
    EXPECT_EQ((*exporter)->Finish().code(), absl::StatusCode::kResourceExhausted) << format;
    EXPECT_EQ((*exporter)->Add(MakeFrame(2)).code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(calls, 1);
  }
  EXPECT_EQ(MakeExporter("xml", nullptr).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Exporter, AFrameWithNumbersThatNobodyKnowsIsWritten) {
  proto::Frame frame;
  frame.add_launches()->set_kernel(99);
  frame.mutable_launches(0)->set_owner(99);
  frame.add_compiles()->set_origin(static_cast<proto::Compile::Origin>(77));
  frame.add_events()->set_kind(static_cast<proto::Event::Kind>(77));
  frame.add_copies()->set_direction(static_cast<proto::Copy::Direction>(77));
  frame.add_devices()->add_values()->set_metric(static_cast<proto::Metric>(777));
  frame.add_core_classes()->set_busy_ratio(1.0 / 0.0);
  const Trace trace = Importer().Import(Export("perfetto", {frame}));
  EXPECT_THAT(trace.slices, SizeIs(3));
  for (const char* format : {"chrome", "csv", "csv-launches"}) {
    EXPECT_THAT(Export(format, {frame}), Not(IsEmpty()));
  }
}

}  // namespace
}  // namespace amdgpu::telemetry

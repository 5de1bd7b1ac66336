// /metrics against a strict reader of both text formats, and against promtool where it is
// installed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cctype>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "telemetry/gateway/frame_metrics.h"
#include "telemetry/gateway/metrics_text.h"

namespace amdgpu::gateway {
namespace {

using ::testing::HasSubstr;

// What a text says, or the line that breaks the rules.
struct Exposition {
  std::map<std::string, std::string> types;   // by family
  std::map<std::string, std::string> series;  // value by series
  std::string error;
};

// Takes a name from the front of `text`; "" if none is there.
std::string TakeName(std::string* text) {
  const auto of_name = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':';
  };
  std::size_t length = 0;
  while (length < text->size() && of_name((*text)[length])) ++length;
  if (length == 0 || std::isdigit(static_cast<unsigned char>((*text)[0])) != 0) return "";
  const std::string name = text->substr(0, length);
  text->erase(0, length);
  return name;
}

bool Take(const std::string& prefix, std::string* text) {
  if (text->compare(0, prefix.size(), prefix) != 0) return false;
  text->erase(0, prefix.size());
  return true;
}

// name{label="value",...} and a space; false if it is not. Leaves the value.
bool TakeSeries(std::string* text, std::string* name) {
  *name = TakeName(text);
  if (name->empty()) return false;
  if (!Take("{", text)) return Take(" ", text);
  do {
    const std::string label = TakeName(text);
    if (label.empty() || label.find(':') != label.npos || !Take("=\"", text)) return false;
    while (!Take("\"", text)) {
      if (text->empty()) return false;
      if (Take("\\", text) && std::string("\"\\n").find((*text)[0]) == std::string::npos)
        return false;
      text->erase(0, 1);
    }
  } while (Take(",", text));
  return Take("} ", text);
}

// "# KIND name rest"; false if it is not.
bool SplitHead(std::string line, std::string* kind, std::string* name, std::string* rest) {
  if (!Take("# ", &line)) return false;
  *kind = TakeName(&line);
  if (!Take(" ", &line)) return false;
  *name = TakeName(&line);
  if (!Take(" ", &line)) return false;
  *rest = line;
  return (*kind == "TYPE" || *kind == "UNIT" || *kind == "HELP") && !name->empty() &&
         !rest->empty();
}

Exposition ReadStrictly(const std::string& text, bool open_metrics) {
  Exposition read;
  std::istringstream lines(text);
  std::string line;
  std::string family;
  std::set<std::string> closed;
  bool ended = false;
  const auto wrong = [&](const std::string& why) {
    read.error = why + line;
    return read;
  };
  while (std::getline(lines, line)) {
    std::string kind, name, rest = line;
    if (ended) return wrong("after the end: ");
    if (line == "# EOF") {
      ended = true;
    } else if (SplitHead(line, &kind, &name, &rest)) {
      if (kind == "TYPE") {
        if (!closed.insert(name).second) return wrong("twice: ");
        family = name;
        read.types[name] = rest;
        const bool total = name.size() > 6 && name.substr(name.size() - 6) == "_total";
        if (rest == "counter" && total == open_metrics) {
          return wrong("a counter's name: ");
        }
      } else if (name != family) {
        return wrong("out of its family: ");
      }
      if (kind == "UNIT" && (!open_metrics || name.size() <= rest.size() ||
                             name.substr(name.size() - rest.size() - 1) != "_" + rest)) {
        return wrong("a unit: ");
      }
    } else if (rest = line; TakeSeries(&rest, &name)) {
      const std::string type = read.types[family];
      const std::string suffix =
          name.compare(0, family.size(), family) == 0 ? name.substr(family.size()) : "?";
      const bool right = type == "gauge"     ? suffix.empty()
                         : type == "counter" ? suffix == (open_metrics ? "_total" : "")
                         : type == "summary"
                             ? suffix.empty() || suffix == "_sum" || suffix == "_count"
                             : false;
      if (!right) return wrong("not of the family " + family + ": ");
      const std::string series = line.substr(0, line.rfind(' '));
      if (!read.series.emplace(series, rest).second) return wrong("twice: ");
      char* end;
      strtod(rest.c_str(), &end);
      if (rest.empty() || *end != '\0') return wrong("a value: ");
    } else {
      return wrong("neither a head nor a sample: ");
    }
  }
  if (ended != open_metrics) read.error = "the end";
  return read;
}

proto::Frame BusyFrame() {
  proto::Frame frame;
  frame.set_sequence(9);
  frame.mutable_runtime()->set_pid(42);
  frame.mutable_runtime()->set_hostname("box \"one\"\\\n");
  for (int i = 0; i < 2; ++i) {
    proto::DeviceSample* device = frame.add_devices();
    device->set_device(5 + i);
    device->set_kind("hip");
    device->set_index(i);
    device->set_name("MI250 \xff");
    device->add_core_utilization(0.5);
    device->add_core_utilization(std::numeric_limits<float>::quiet_NaN());
    for (int metric = proto::Metric_MIN; metric <= proto::Metric_MAX; ++metric) {
      proto::Value* value = device->add_values();
      value->set_metric(static_cast<proto::Metric>(metric));
      value->set_value(metric * 1.5);
      value->set_label("edge");
      *device->add_values() = *value;  // two sources say the same
    }
    proto::Value* absent = device->add_values();
    absent->set_metric(proto::METRIC_FAN_RPM);
    absent->set_label("2");
    absent->set_absence(proto::ABSENCE_SLEEPING);
    device->mutable_pool()->set_used_bytes(std::uint64_t{1} << 40);
    device->mutable_pool()->add_owners()->set_owner(11);
    device->mutable_pool()->mutable_owners(0)->set_bytes(77);
  }
  frame.add_owners()->set_owner(11);
  frame.mutable_owners(0)->set_process("<0.11.0>");
  for (int i = 0; i < 3; ++i) {
    proto::KernelStats* kernel = frame.add_kernels();
    kernel->set_kernel(i);
    kernel->set_name("reduce<float, \"sum\">");
    kernel->mutable_work()->set_launches_total(100 + i);
    kernel->mutable_work()->set_p50_ns(1500);
  }
  frame.add_core_classes()->set_core_class(proto::CORE_CLASS_MATRIX);
  return frame;
}

TEST(FrameMetrics, BothFormatsAreWhatTheyShouldBe) {
  Present present;
  present.Update(BusyFrame());
  for (const TextFormat format : {TextFormat::kOpenMetrics, TextFormat::kPrometheus}) {
    const bool open = format == TextFormat::kOpenMetrics;
    const Exposition read = ReadStrictly(WriteMetrics(present, {}, format), open);
    ASSERT_EQ(read.error, "");
    EXPECT_GT(read.series.size(), 150u);
    EXPECT_EQ(read.types.at(open ? "gpu_energy_joules" : "gpu_energy_joules_total"), "counter");
    EXPECT_EQ(read.types.at("gpu_kernel_duration_seconds"), "summary");
    EXPECT_EQ(read.series.at(R"(gpu_pool_used_bytes{gpu="1",kind="hip",device="6"})"),
              "1099511627776");
    EXPECT_EQ(
        read.series.at(
            R"(gpu_temperature_celsius{gpu="0",kind="hip",device="5",gpu_uuid="",pci_bus_id="",model="MI250 ?",hostname="box \"one\"\\\n",sensor="edge"})"),
        "15");
    EXPECT_EQ(
        read.series.at(
            R"(gpu_value_absent{gpu="0",kind="hip",device="5",metric="gpu_fan_rpm",of="2",reason="sleeping"})"),
        "1");
    EXPECT_EQ(
        read.series.at(
            R"(gpu_kernel_duration_seconds{kernel="reduce<float, \"sum\">",id="2",device="0",core_class="",quantile="0.5"})"),
        "1.5e-06");
    EXPECT_EQ(
        read.series.at(
            R"(gpu_pool_owner_bytes{gpu="0",kind="hip",device="5",owner="11",process="<0.11.0>",name=""})"),
        "77");
  }
}

TEST(FrameMetrics, WithoutARuntimeTheGatewaySpeaksOfItself) {
  Present present;
  GatewayCounters counters;
  counters.sent_bytes_total = 12;
  Exposition read = ReadStrictly(WriteMetrics(present, counters, TextFormat::kOpenMetrics), true);
  ASSERT_EQ(read.error, "");
  EXPECT_EQ(read.series.at("gpu_gateway_attached"), "0");
  EXPECT_EQ(read.series.at("gpu_gateway_sent_bytes_total"), "12");
  present.Update(BusyFrame());
  present.Clear();
  read = ReadStrictly(WriteMetrics(present, counters, TextFormat::kOpenMetrics), true);
  EXPECT_EQ(read.series.count("gpu_compiles_total"), 0u);
}

TEST(FrameMetrics, KernelsAreKeptFromFramesThatNameThem) {
  Present present;
  present.Update(BusyFrame());
  proto::Frame next = BusyFrame();
  next.clear_kernels();
  next.add_kernels()->set_kernel(1);
  next.mutable_kernels(0)->mutable_work()->set_launches_total(500);
  present.Update(next);
  ASSERT_EQ(present.kernels().size(), 3u);
  EXPECT_EQ(present.kernels().at(0).work().launches_total(), 100u);
  EXPECT_EQ(present.kernels().at(1).work().launches_total(), 500u);
  // Another runtime's numbers mean other kernels.
  next.mutable_runtime()->set_pid(43);
  present.Update(next);
  EXPECT_EQ(present.kernels().size(), 1u);
}

TEST(FrameMetrics, MoreKernelsThanCanBeAreLeftOut) {
  Present present;
  proto::Frame frame;
  for (std::uint32_t i = 0; i < 5000; ++i) frame.add_kernels()->set_kernel(i);
  present.Update(frame);
  EXPECT_EQ(present.kernels().size(), Present::kMaxKernels);
}

TEST(MetricsTextTest, WritesNumbersThatReadBackTheSame) {
  MetricsText text(TextFormat::kOpenMetrics);
  text.Family("x", FamilyType::kGauge, "", "X.");
  text.Sample({{"n", "1"}}, 0.1);
  text.Sample({{"n", "2"}}, std::numeric_limits<double>::infinity());
  text.Sample({{"n", "3"}}, std::numeric_limits<double>::quiet_NaN());
  text.Sample({{"n", "4"}}, std::numeric_limits<std::uint64_t>::max());
  text.Sample({{"n", "4"}}, 5.0);
  text.Family("empty", FamilyType::kGauge, "", "No samples, no head.");
  EXPECT_EQ(text.Finish(),
            "# TYPE x gauge\n# HELP x X.\nx{n=\"1\"} 0.1\nx{n=\"2\"} +Inf\nx{n=\"3\"} NaN\n"
            "x{n=\"4\"} 18446744073709551615\n# EOF\n");
}

TEST(FrameMetrics, PromtoolAgrees) {
  if (system("promtool --version >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "skipped: promtool is not installed (Debian's prometheus)";
  }
  Present present;
  present.Update(BusyFrame());
  FILE* pipe = popen("promtool check metrics 2>&1 1>/dev/null", "w");
  ASSERT_NE(pipe, nullptr);
  const std::string text = WriteMetrics(present, {}, TextFormat::kPrometheus);
  fwrite(text.data(), 1, text.size(), pipe);
  const int status = pclose(pipe);
  // 3: it reads them, and has opinions on names.
  EXPECT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3))
      << WEXITSTATUS(status);
}

}  // namespace
}  // namespace amdgpu::gateway

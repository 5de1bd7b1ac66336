// All values of some probes, by metric and label.

#ifndef AMDGPU_TESTS_TELEMETRY_READINGS_H_
#define AMDGPU_TESTS_TELEMETRY_READINGS_H_

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "telemetry/source.h"

namespace amdgpu::telemetry {

class Readings {
 public:
  // Reads every probe once.
  Readings(const Probes& probes, std::uint64_t now_ns) {
    for (const auto& probe : probes) {
      std::vector<Reading> readings(probe->series().size());
      probe->Read(now_ns, absl::MakeSpan(readings));
      for (std::size_t i = 0; i < readings.size(); ++i) {
        values_[{probe->series()[i].metric, probe->series()[i].label}] = readings[i];
      }
    }
  }

  // One that is not there at all is `unspecified`, which no test expects.
  Reading At(proto::Metric metric, const std::string& label = "") const {
    const auto found = values_.find({metric, label});
    return found != values_.end() ? found->second
                                  : Reading::Absent(static_cast<proto::Absence>(-1));
  }
  bool Has(proto::Metric metric, const std::string& label = "") const {
    return values_.count({metric, label}) != 0;
  }

 private:
  std::map<std::pair<proto::Metric, std::string>, Reading> values_;
};

inline void ExpectValue(const Reading& reading, double value) {
  EXPECT_EQ(reading.absence, proto::ABSENCE_NONE) << proto::Absence_Name(reading.absence);
  EXPECT_NEAR(reading.value, value, 1e-9 + 1e-6 * std::abs(value));
}
inline void ExpectAbsent(const Reading& reading, proto::Absence absence) {
  EXPECT_EQ(reading.absence, absence)
      << proto::Absence_Name(reading.absence) << ", value " << reading.value;
}

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TESTS_TELEMETRY_READINGS_H_

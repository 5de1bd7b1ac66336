// Values that a vendor's management library answers: calling it, and what its statuses mean. The
// same for NVML, rocm_smi and amdsmi, whose functions fill in a value and return a status, 0 for
// success.

#ifndef AMDGPU_TELEMETRY_SOURCES_VENDOR_VALUES_H_
#define AMDGPU_TELEMETRY_SOURCES_VENDOR_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "telemetry/source.h"

namespace amdgpu::telemetry {

// A status that no library has: it lacks the function.
inline constexpr int kNoFunction = -1;

// Why there is no value, of a status that is neither success nor kNoFunction.
using AbsenceOfStatus = proto::Absence (*)(int status);

// A value above `most` or below 0 is nonsense.
inline Reading ReadingOfStatus(int status, AbsenceOfStatus absence_of, double value, double most) {
  if (status == kNoFunction) return Reading::Absent(proto::ABSENCE_MISSING);
  if (status != 0) return Reading::Absent(absence_of(status));
  return value >= 0 && value <= most ? Reading::Of(value)
                                     : Reading::Absent(proto::ABSENCE_NONSENSE);
}

// Its status. `value` is set if it has the function.
template <typename Raw, typename Function, typename Device, typename... Arguments>
int CallForValue(Function* function, Device device, double* value, Arguments... arguments) {
  if (function == nullptr) return kNoFunction;
  Raw raw{};
  const int status = function(device, arguments..., &raw);
  *value = static_cast<double>(raw);
  return status;
}

// One call and what its answer means, in the metric's unit. `read` returns the status.
template <typename Table, typename Device>
struct VendorValue {
  Series series;
  double unit;
  double most;
  int (*read)(const Table& table, Device device, double* raw);
};

template <typename Table, typename Device>
class VendorValuesProbe final : public Probe {
 public:
  using Value = VendorValue<Table, Device>;

  VendorValuesProbe(const char* source, std::string name, Group group, const Table& table,
                    Device device, AbsenceOfStatus absence_of, std::vector<Value> values)
      : Probe(source, std::move(name), group, SeriesOf(values)),
        table_(table),
        device_(device),
        absence_of_(absence_of),
        values_(std::move(values)) {}

  void Read(std::uint64_t, absl::Span<Reading> readings) override {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      double raw = 0;
      const int status = values_[i].read(table_, device_, &raw);
      readings[i] = ReadingOfStatus(status, absence_of_, raw * values_[i].unit, values_[i].most);
    }
  }

 private:
  static std::vector<Series> SeriesOf(const std::vector<Value>& values) {
    std::vector<Series> series;
    series.reserve(values.size());
    for (const Value& value : values) series.push_back(value.series);
    return series;
  }

  const Table table_;
  const Device device_;
  const AbsenceOfStatus absence_of_;
  const std::vector<Value> values_;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SOURCES_VENDOR_VALUES_H_

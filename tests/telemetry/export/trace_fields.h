// A Perfetto trace read field by field, by the numbers of Perfetto's own schema
// (protos/perfetto/trace in github.com/google/perfetto), which are written down here once more: the
// exporter's schema is not trusted.

#ifndef AMDGPU_TESTS_TELEMETRY_EXPORT_TRACE_FIELDS_H_
#define AMDGPU_TESTS_TELEMETRY_EXPORT_TRACE_FIELDS_H_

#include <google/protobuf/unknown_field_set.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace amdgpu::telemetry {

// A message of which nothing is known but its bytes.
class Fields {
 public:
  explicit Fields(const std::string& bytes) { whole_ = fields_->ParseFromString(bytes); }

  bool whole() const { return whole_; }
  bool Has(int number) const { return Find(number) != nullptr; }
  // Of the first field with that number; 0 and "" if there is none.
  std::uint64_t Number(int number) const {
    const google::protobuf::UnknownField* const field = Find(number);
    if (field == nullptr) return 0;
    return field->type() == google::protobuf::UnknownField::TYPE_FIXED64 ? field->fixed64()
                                                                         : field->varint();
  }
  double Double(int number) const {
    const std::uint64_t bits = Number(number);
    double value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }
  std::string Text(int number) const {
    const google::protobuf::UnknownField* const field = Find(number);
    return field == nullptr ? "" : field->length_delimited();
  }
  Fields Message(int number) const { return Fields(Text(number)); }
  std::vector<Fields> Messages(int number) const {
    std::vector<Fields> messages;
    for (int i = 0; i < fields_->field_count(); ++i) {
      if (fields_->field(i).number() == number) {
        messages.emplace_back(fields_->field(i).length_delimited());
      }
    }
    return messages;
  }

 private:
  const google::protobuf::UnknownField* Find(int number) const {
    for (int i = 0; i < fields_->field_count(); ++i) {
      if (fields_->field(i).number() == number) return &fields_->field(i);
    }
    return nullptr;
  }

  // Shared: it cannot be copied.
  std::shared_ptr<google::protobuf::UnknownFieldSet> fields_ =
      std::make_shared<google::protobuf::UnknownFieldSet>();
  bool whole_;
};

// trace.proto, trace_packet.proto
inline constexpr int kTracePacket = 1;
inline constexpr int kPacketClockSnapshot = 6;
inline constexpr int kPacketTimestamp = 8;
inline constexpr int kPacketSequenceId = 10;
inline constexpr int kPacketTrackEvent = 11;
inline constexpr int kPacketInternedData = 12;
inline constexpr int kPacketSequenceFlags = 13;
inline constexpr int kPacketGpuRenderStageEvent = 53;
inline constexpr int kPacketTimestampClockId = 58;
inline constexpr int kPacketTrackDescriptor = 60;
// clock_snapshot.proto, builtin_clock.proto
inline constexpr int kSnapshotClocks = 1;
inline constexpr int kSnapshotPrimaryTraceClock = 2;
inline constexpr std::uint64_t kClockRealtime = 1;
inline constexpr std::uint64_t kClockBoottime = 6;
// track_event/track_descriptor.proto, process_descriptor.proto, counter_descriptor.proto
inline constexpr int kTrackUuid = 1;
inline constexpr int kTrackName = 2;
inline constexpr int kTrackProcess = 3;
inline constexpr int kTrackParentUuid = 5;
inline constexpr int kTrackCounter = 8;
inline constexpr int kProcessPid = 1;
inline constexpr int kCounterUnit = 3;
inline constexpr std::uint64_t kUnitSizeBytes = 3;
inline constexpr int kCounterUnitName = 6;
// track_event/track_event.proto, debug_annotation.proto
inline constexpr int kEventDebugAnnotations = 4;
inline constexpr int kEventType = 9;
inline constexpr int kEventNameIid = 10;
inline constexpr int kEventTrackUuid = 11;
inline constexpr int kEventDoubleCounterValue = 44;
inline constexpr int kEventFlowIds = 47;
inline constexpr int kEventTerminatingFlowIds = 48;
inline constexpr std::uint64_t kSliceBegin = 1;
inline constexpr std::uint64_t kSliceEnd = 2;
inline constexpr std::uint64_t kInstant = 3;
inline constexpr std::uint64_t kCounterEvent = 4;
inline constexpr int kAnnotationNameIid = 1;
inline constexpr int kAnnotationStringValue = 6;
// interned_data.proto
inline constexpr int kInternedEventNames = 2;
inline constexpr int kInternedAnnotationNames = 3;
inline constexpr int kInternedGraphicsContexts = 23;
inline constexpr int kInternedGpuSpecifications = 24;
inline constexpr int kInternedIid = 1;
inline constexpr int kInternedName = 2;
inline constexpr int kContextPid = 2;
// gpu/gpu_render_stage_event.proto
inline constexpr int kStageEventId = 1;
inline constexpr int kStageDuration = 2;
inline constexpr int kStageContext = 5;
inline constexpr int kStageGpuId = 11;
inline constexpr int kStageHwQueueIid = 13;
inline constexpr int kStageStageIid = 14;
inline constexpr int kStageLaunch = 21;
inline constexpr int kLaunchGridSize = 1;
inline constexpr int kLaunchWorkgroupSize = 2;

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TESTS_TELEMETRY_EXPORT_TRACE_FIELDS_H_

#include "telemetry/names.h"

#include "absl/strings/str_cat.h"
#include "c_src/base/utf8.h"

namespace amdgpu::telemetry {
namespace {

constexpr char kOthers[] = "(others)";

// At most `most` bytes, and not in the middle of a UTF-8 character.
absl::string_view Cut(absl::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

}  // namespace

KernelTagRef Names::Kernel(std::uint32_t device, absl::string_view key, absl::string_view name,
                           proto::CoreClass core_class) {
  MutexLock lock(&mutex_);
  const bool full = kernels_.size() >= kMaxKernels - 1;
  std::string id =
      full ? std::string(kOthers)
           : absl::StrCat(device, "/", static_cast<int>(core_class), "/", key, "/", name);
  const auto found = kernel_numbers_.find(id);
  if (found != kernel_numbers_.end()) return kernels_[found->second - 1];
  auto tag = std::make_shared<KernelTag>();
  tag->number = static_cast<std::uint32_t>(kernels_.size()) + 1;
  tag->device = full ? 0 : device;
  tag->name = full ? kOthers : MakeValidUtf8(name);
  tag->core_class = core_class;
  kernels_.push_back(tag);
  kernel_numbers_.emplace(std::move(id), tag->number);
  return tag;
}

KernelTagRef Names::FindKernel(std::uint32_t number) const {
  MutexLock lock(&mutex_);
  return number == 0 || number > kernels_.size() ? nullptr : kernels_[number - 1];
}

void Names::DropDevice(std::uint32_t device) {
  MutexLock lock(&mutex_);
  absl::erase_if(kernel_numbers_, [&](const auto& entry) {
    return kernels_[entry.second - 1] != nullptr && kernels_[entry.second - 1]->device == device;
  });
}

std::uint32_t Names::Label(absl::string_view label) {
  if (label.empty()) return 0;
  label = Cut(label, kMaxLabelBytes);
  MutexLock lock(&mutex_);
  auto found = label_numbers_.find(label);
  if (found == label_numbers_.end()) {
    if (labels_.size() >= kMaxLabels - 1) label = kOthers;
    found = label_numbers_.try_emplace(std::string(label), labels_.size() + 1).first;
    if (found->second > labels_.size()) labels_.push_back(MakeValidUtf8(label));
  }
  return found->second;
}

std::string Names::LabelOf(std::uint32_t number) const {
  if (number == 0) return "";
  MutexLock lock(&mutex_);
  return number > labels_.size() ? "" : labels_[number - 1];
}

void Names::NameOwner(std::uint64_t owner, absl::string_view process, absl::string_view name) {
  MutexLock lock(&mutex_);
  if (owners_.size() >= kMaxOwners) return;
  owners_[owner] = {{MakeValidUtf8(process), MakeValidUtf8(name), false}, false};
}

void Names::EndOwner(std::uint64_t owner) {
  MutexLock lock(&mutex_);
  const auto found = owners_.find(owner);
  if (found != owners_.end()) found->second.name.ended = true;
}

void Names::ForgetEnded() {
  MutexLock lock(&mutex_);
  absl::erase_if(owners_, [](const auto& entry) { return entry.second.forget; });
  for (auto& entry : owners_) entry.second.forget = entry.second.name.ended;
}

OwnerName Names::OwnerOf(std::uint64_t owner) const {
  MutexLock lock(&mutex_);
  const auto found = owners_.find(owner);
  return found == owners_.end() ? OwnerName() : found->second.name;
}

}  // namespace amdgpu::telemetry

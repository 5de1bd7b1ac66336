#include "gpu/vendor/device_context.h"

#include <atomic>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "gpu/vendor/errors.h"

namespace amdgpu::vendor {
namespace {

std::atomic<std::uint64_t> next_number{1};

// Of the context that is current to this thread.
thread_local std::uint64_t current_number = 0;

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceContext>> DeviceContext::Open(
    std::shared_ptr<const VendorApi> shared_api, std::uint32_t index) {
  const VendorApi& api = *shared_api;
  absl::Status status = ToStatus(api, api.Init(0), absl::StrCat("starting ", api.library));
  if (!status.ok()) return status;
  int count = 0;
  status = ToStatus(api, api.DeviceGetCount(&count), "counting devices");
  if (!status.ok()) return status;
  if (index >= static_cast<std::uint32_t>(count)) {
    return absl::NotFoundError(
        absl::StrCat("no device ", api.kind, ":", index, ": ", api.library, " knows of ", count));
  }
  int device = 0;
  status = ToStatus(api, api.DeviceGet(&device, static_cast<int>(index)), "finding the device");
  if (!status.ok()) return status;
  auto context = absl::WrapUnique(new DeviceContext(std::move(shared_api), device));
  if (api.SetDevice == nullptr) {
    // Best effort: another part of this process may have made the context with other flags.
    api.DevicePrimaryCtxSetFlags(device, kContextBlockingSync);
    status = ToStatus(api, api.DevicePrimaryCtxRetain(&context->context_, device),
                      "making the device's context");
    if (!status.ok()) return status;
  }
  context->number_ = next_number.fetch_add(1);
  status = ToStatus(api, context->MakeCurrent(), "choosing the device");
  if (!status.ok()) return status;
  return context;
}

DeviceContext::~DeviceContext() {
  if (context_ != nullptr) api_->DevicePrimaryCtxRelease(device_);
}

Result DeviceContext::MakeCurrent() const {
  if (current_number == number_) return kSuccess;
  const Result result =
      api_->SetDevice != nullptr ? api_->SetDevice(device_) : api_->CtxSetCurrent(context_);
  if (result == kSuccess) current_number = number_;
  return result;
}

}  // namespace amdgpu::vendor

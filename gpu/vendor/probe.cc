#include "gpu/vendor/probe.h"

#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gpu/vendor/errors.h"
#include "gpu/vendor/properties.h"
#include "gpu/vendor/tables.h"

namespace amdgpu::vendor {
namespace {

// The files that each vendor's runtime opens for reading and writing; the first is there whenever
// the kernel's driver is.
std::vector<const char*> NodePatterns(absl::string_view kind) {
  if (kind == "cuda") return {"/dev/nvidiactl", "/dev/nvidia[0-9]*", "/dev/nvidia-uvm"};
  return {"/dev/kfd", "/dev/dri/renderD*"};
}

void AddNode(const char* path, proto::ProbeReply* reply) {
  proto::DeviceNode& node = *reply->add_nodes();
  node.set_path(path);
  struct stat status;
  if (stat(path, &status) != 0) {
    node.set_error(strerror(errno));
    return;
  }
  const group* const owner = getgrgid(status.st_gid);
  node.set_group(owner != nullptr ? owner->gr_name : absl::StrCat(status.st_gid));
  if (access(path, R_OK | W_OK) == 0) {
    node.set_usable(true);
  } else {
    node.set_error(strerror(errno));
  }
}

void LookAtNodes(absl::string_view kind, proto::ProbeReply* reply) {
  for (const char* pattern : NodePatterns(kind)) {
    glob_t found = {};
    if (glob(pattern, 0, nullptr, &found) == 0) {
      for (std::size_t i = 0; i < found.gl_pathc; ++i) AddNode(found.gl_pathv[i], reply);
    } else if (reply->nodes().empty()) {
      AddNode(pattern, reply);
    }
    globfree(&found);
  }
}

absl::Status AskForDevices(const VendorApi& api, proto::ProbeReply* reply) {
  absl::Status status = ToStatus(api, api.Init(0), "starting it");
  if (!status.ok()) return status;
  int version = 0;
  const auto get_version =
      api.RuntimeGetVersion != nullptr ? api.RuntimeGetVersion : api.DriverGetVersion;
  if (get_version(&version) == kSuccess) reply->set_library_version(api.VersionText(version));
  int count = 0;
  status = ToStatus(api, api.DeviceGetCount(&count), "counting devices");
  if (!status.ok()) return status;
  for (int index = 0; index < count; ++index) {
    int device = 0;
    status = ToStatus(api, api.DeviceGet(&device, index), "finding a device");
    if (!status.ok()) return status;
    absl::StatusOr<gpu::Properties> properties =
        DescribeDevice(api, static_cast<std::uint32_t>(index), device);
    if (!properties.ok()) return properties.status();
    *reply->add_devices() = *std::move(properties);
  }
  return count == 0 ? absl::NotFoundError("it knows of no device") : absl::OkStatus();
}

}  // namespace

proto::ProbeReply Probe(absl::string_view kind, const std::vector<std::string>& libraries) {
  proto::ProbeReply reply;
  reply.set_kind(std::string(kind));
  LookAtNodes(kind, &reply);
  const absl::StatusOr<std::shared_ptr<const VendorApi>> api = LoadVendorApi(kind, libraries);
  if (!api.ok()) {
    reply.set_problem(std::string(api.status().message()));
    return reply;
  }
  reply.set_library((*api)->library);
  const absl::Status status = AskForDevices(**api, &reply);
  if (!status.ok()) reply.set_problem(std::string(status.message()));
  return reply;
}

}  // namespace amdgpu::vendor

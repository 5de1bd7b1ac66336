// A GPU through the vendor's own calls, beside the driver in process and a worker:
//
//   amdgpu_bench_vendor hip|cuda [--code=FILE] [--worker=PATH] [--lines] [--quick]
//                                [--library=PATH] [--blas=PATH]
//
// FILE is a bundle (mix amdgpu.compile) with a kernel "empty" for the device; for CUDA PTX of our
// own will do. --lines writes "SIDE NAME VALUE" for bench/gpu.sh instead of a table. Ends with 1,
// and says so, where there is no device.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/strip.h"
#include "bench/vendor/measure.h"
#include "c_src/kernel/bundle.h"
#include "gpu/vendor/blas.h"
#include "gpu/vendor/probe.h"
#include "gpu/vendor/tables.h"
#include "proto/code_object.pb.h"

namespace amdgpu::bench {

void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

namespace {

std::string EmptyKernel(const std::string& kind, const std::string& arch, const std::string& file) {
  if (!file.empty()) {
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    const absl::StatusOr<proto::Bundle> bundle = DecodeBundle(bytes);
    Check(bundle.status());
    const proto::BundleEntry* const entry = SelectEntry(*bundle, {.host = false, .arch = arch});
    if (entry != nullptr) return entry->code_object();
    Check(absl::NotFoundError(file + " has no code for " + arch));
  }
  proto::VendorCodeObject code;
  if (kind != "cuda") Check(absl::InvalidArgumentError("--code=FILE is needed for " + kind));
  code.set_target("compute_75");
  code.set_image(
      ".version 6.4\n.target sm_75\n.address_size 64\n.visible .entry empty() { ret; }\n");
  code.add_kernels()->set_name("empty");
  return code.SerializeAsString();
}

void PrintLines(const char* side, const Values& values) {
  for (const auto& [name, value] : values) std::printf("%s\t%s\t%.6g\n", side, name.c_str(), value);
}

double ValueOf(const Values& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() ? 0 : found->second;
}

void PrintTable(const Values& raw, const Values& driver, const Values& worker) {
  std::printf("%-26s %12s %12s %12s\n", "", "vendor", "driver", "worker");
  for (const auto& [name, value] : raw) {
    std::printf("%-26s %12.2f", name.c_str(), value);
    for (const double other : {ValueOf(driver, name), ValueOf(worker, name)}) {
      if (other == 0) {
        std::printf(" %12s", "");
      } else {
        std::printf(" %12.2f", other);
      }
    }
    std::printf("\n");
  }
}

int Run(Job job, const std::string& code_file, bool lines) {
  const proto::ProbeReply probe = vendor::Probe(job.kind, job.libraries);
  if (probe.devices().empty()) {
    std::printf("no %s device here: %s\n", job.kind.c_str(), probe.problem().c_str());
    return 1;
  }
  const auto api = vendor::LoadVendorApi(job.kind, job.libraries);
  Check(api.status());
  job.code = EmptyKernel(job.kind, probe.devices(0).arch(), code_file);
  std::string about;
  const Values raw = MeasureRaw(job, **api, &about);
  const Values driver = MeasureDriver(job);
  const Values worker = job.worker.empty() ? Values() : MeasureWorker(job);
  if (!lines) {
    std::printf("%s\n", about.c_str());
    PrintTable(raw, driver, worker);
    return 0;
  }
  std::printf("about\t%s\t0\n", about.c_str());
  PrintLines("vendor", raw);
  PrintLines("driver", driver);
  PrintLines("worker", worker);
  return 0;
}

}  // namespace
}  // namespace amdgpu::bench

int main(int argc, char** argv) {
  amdgpu::bench::Job job;
  job.copy_bytes = std::uint64_t{256} << 20;
  job.side = 4096;
  std::string code;
  bool lines = false;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--library=")) {
      job.libraries.emplace_back(argument);
    } else if (absl::ConsumePrefix(&argument, "--blas=")) {
      job.blas.emplace_back(argument);
    } else if (absl::ConsumePrefix(&argument, "--code=")) {
      code = std::string(argument);
    } else if (absl::ConsumePrefix(&argument, "--worker=")) {
      job.worker = std::string(argument);
    } else if (argument == "--lines") {
      lines = true;
    } else if (argument == "--quick") {
      job.copy_bytes = std::uint64_t{24} << 20;
      job.side = 48;
    } else {
      job.kind = std::string(argument);
    }
  }
  if (job.libraries.empty()) job.libraries = amdgpu::vendor::LibraryNames(job.kind);
  if (job.blas.empty()) job.blas = amdgpu::vendor::BlasLibraryNames(job.kind);
  if (job.libraries.empty()) {
    std::fprintf(stderr,
                 "usage: %s hip|cuda [--code=FILE] [--worker=PATH] [--lines] [--quick] "
                 "[--library=PATH] [--blas=PATH]\n",
                 argv[0]);
    return 2;
  }
  return amdgpu::bench::Run(std::move(job), code, lines);
}

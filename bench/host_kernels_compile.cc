// host_kernels_compile SOURCE X,Y,Z OBJECT: compiles HIP source for blocks of X,Y,Z threads (0,0,0:
// any) into a code object of the host device. A program of its own because PoCL brings another
// version of clang into the benchmark's process.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "c_src/base/build_id.h"
#include "gpu/host/compiler/compiler.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s SOURCE X,Y,Z OBJECT\n", argv[0]);
    return 2;
  }
  std::uint32_t shape[3];
  if (std::sscanf(argv[2], "%u,%u,%u", &shape[0], &shape[1], &shape[2]) != 3) return 2;
  std::ifstream file(argv[1]);
  amdgpu::proto::CompileRequest request;
  request.set_build_id(std::string(amdgpu::BuildId()));
  request.set_source({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
  request.set_file_name(argv[1]);
  request.set_target("host");
  request.set_optimization(3);
  request.set_block_x(shape[0]);
  request.set_block_y(shape[1]);
  request.set_block_z(shape[2]);
  const auto compiler = amdgpu::hostcc::Compiler::Create();
  if (!compiler.ok()) {
    std::fprintf(stderr, "%s\n", compiler.status().ToString().c_str());
    return 1;
  }
  const amdgpu::proto::CompileReply reply = (*compiler)->Compile(request);
  if (reply.outcome() != amdgpu::proto::CompileReply::OK) {
    std::fprintf(stderr, "%s\n", reply.DebugString().c_str());
    return 1;
  }
  std::ofstream object(argv[3], std::ios::binary);
  object << reply.code_object();
  return object.good() ? 0 : 1;
}

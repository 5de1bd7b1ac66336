#include "gpu/host/compiler/device_headers.h"

#include "absl/strings/str_cat.h"
#include "llvm/Support/MemoryBuffer.h"

namespace amdgpu::hostcc {

llvm::IntrusiveRefCntPtr<llvm::vfs::InMemoryFileSystem> DeviceHeaderFileSystem() {
  auto files = llvm::makeIntrusiveRefCnt<llvm::vfs::InMemoryFileSystem>();
  for (std::size_t i = 0; i < kEmbeddedHeaderCount; ++i) {
    const EmbeddedHeader& header = kEmbeddedHeaders[i];
    files->addFile(absl::StrCat(kHeaderRoot, "/", header.path), /*ModificationTime=*/0,
                   llvm::MemoryBuffer::getMemBuffer(header.text));
  }
  return files;
}

std::vector<std::string> DeviceIncludePaths() {
  return {kHeaderRoot, absl::StrCat(kHeaderRoot, "/std"), absl::StrCat(kHeaderRoot, "/clang")};
}

}  // namespace amdgpu::hostcc

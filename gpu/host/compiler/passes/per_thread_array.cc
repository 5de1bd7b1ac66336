// Arrays over threads, in the frame of the block function.

#include "gpu/host/compiler/passes/per_thread_array.h"

#include "llvm/IR/Module.h"

namespace amdgpu::hostcc {

PerThreadArray::PerThreadArray(const KernelCore& core, llvm::Type* type, llvm::Value* count,
                               const llvm::Twine& name, llvm::Align align)
    : element_(type) {
  const llvm::DataLayout& layout = core.function->getParent()->getDataLayout();
  const std::uint64_t size = layout.getTypeAllocSize(type);
  if (!llvm::isAligned(align, size)) {  // pad, so that every element is aligned
    element_ =
        llvm::ArrayType::get(llvm::Type::getInt8Ty(core.context()), llvm::alignTo(size, align));
  }
  if (auto* constant = llvm::dyn_cast<llvm::ConstantInt>(count)) {
    fixed_array_ = llvm::ArrayType::get(element_, constant->getZExtValue());
    array_ = core.allocate(fixed_array_, nullptr, name);
  } else {
    array_ = core.allocate(element_, count, name);
  }
  array_->setAlignment(std::max(array_->getAlign(), align));
}

llvm::Value* PerThreadArray::at(llvm::IRBuilder<>& builder, llvm::Value* index) const {
  if (!fixed_array_) return builder.CreateInBoundsGEP(element_, array_, index);
  return builder.CreateInBoundsGEP(fixed_array_, array_, {builder.getInt64(0), index});
}

}  // namespace amdgpu::hostcc

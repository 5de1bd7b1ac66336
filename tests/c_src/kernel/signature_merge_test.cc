// Unit: what the source declares is believed where the code object agrees, and only there.

#include "c_src/kernel/signature_merge.h"

#include <gtest/gtest.h>

namespace amdgpu {
namespace {

void AddParam(proto::KernelInfo& kernel, proto::ParamKind kind, std::uint32_t offset,
              std::uint32_t size, const char* type = "", proto::DType dtype = proto::DTYPE_NONE) {
  proto::Param& param = *kernel.add_params();
  param.set_kind(kind);
  param.set_offset(offset);
  param.set_size(size);
  param.set_type(type);
  param.set_dtype(dtype);
}

// (const float* x, int n)
proto::HostCodeObject Declared() {
  proto::HostCodeObject declared;
  proto::KernelInfo& kernel = *declared.add_kernels();
  kernel.set_name("k");
  kernel.set_symbol("_Z1kPKfi");
  AddParam(kernel, proto::PARAM_POINTER, 0, 8, "const float*", proto::DTYPE_F32);
  AddParam(kernel, proto::PARAM_SCALAR, 8, 4, "int", proto::DTYPE_I32);
  proto::GlobalInfo& global = *declared.add_globals();
  global.set_name("n::table");
  global.set_symbol("_ZN1n5tableE");
  return declared;
}

proto::VendorCodeObject Object() {
  proto::VendorCodeObject object;
  proto::KernelInfo& kernel = *object.add_kernels();
  kernel.set_name("_Z1kPKfi");
  kernel.set_symbol("_Z1kPKfi");
  kernel.set_registers(7);
  AddParam(kernel, proto::PARAM_OPAQUE, 0, 8);
  AddParam(kernel, proto::PARAM_OPAQUE, 8, 4);
  proto::GlobalInfo& global = *object.add_globals();
  global.set_name("_ZN1n5tableE");
  global.set_symbol("_ZN1n5tableE");
  return object;
}

TEST(SignatureMergeTest, TypesComeFromTheSourceTheRestStays) {
  proto::VendorCodeObject object = Object();
  EXPECT_TRUE(MergeSignatures(Declared(), &object).empty());
  const proto::KernelInfo& kernel = object.kernels(0);
  EXPECT_EQ(kernel.name(), "k");
  EXPECT_EQ(kernel.registers(), 7u);
  EXPECT_EQ(kernel.params(0).dtype(), proto::DTYPE_F32);
  EXPECT_EQ(kernel.params(1).type(), "int");
  EXPECT_EQ(object.globals(0).name(), "n::table");
  EXPECT_EQ(object.globals(0).symbol(), "_ZN1n5tableE");
}

TEST(SignatureMergeTest, ANameThatWasAskedForCountsBeforeASymbol) {
  proto::VendorCodeObject object = Object();
  object.mutable_kernels(0)->set_name("k");
  object.mutable_kernels(0)->set_symbol("mangled otherwise");
  EXPECT_TRUE(MergeSignatures(Declared(), &object).empty());
  EXPECT_EQ(object.kernels(0).params(0).dtype(), proto::DTYPE_F32);
}

TEST(SignatureMergeTest, WhereTheyDifferTheObjectIsRight) {
  const auto differs = [](auto change) {
    proto::VendorCodeObject object = Object();
    change(*object.mutable_kernels(0));
    const proto::KernelInfo before = object.kernels(0);
    const auto differences = MergeSignatures(Declared(), &object);
    ASSERT_EQ(differences.size(), 1u);
    EXPECT_NE(differences[0].find("k are not known"), std::string::npos) << differences[0];
    EXPECT_EQ(object.kernels(0).params(0).ShortDebugString(), before.params(0).ShortDebugString());
  };
  differs([](proto::KernelInfo& k) { k.mutable_params(1)->set_offset(12); });
  differs([](proto::KernelInfo& k) { k.mutable_params(1)->set_size(8); });
  differs([](proto::KernelInfo& k) { AddParam(k, proto::PARAM_OPAQUE, 16, 4); });
  differs([](proto::KernelInfo& k) { k.mutable_params()->RemoveLast(); });
  differs([](proto::KernelInfo& k) { k.mutable_params(1)->set_kind(proto::PARAM_POINTER); });
}

TEST(SignatureMergeTest, AKernelThatTheSourceDoesNotDeclareStays) {
  proto::VendorCodeObject object = Object();
  object.mutable_kernels(0)->set_name("other");
  object.mutable_kernels(0)->set_symbol("other");
  EXPECT_TRUE(MergeSignatures(Declared(), &object).empty());
  EXPECT_EQ(object.kernels(0).params(0).kind(), proto::PARAM_OPAQUE);
}

}  // namespace
}  // namespace amdgpu

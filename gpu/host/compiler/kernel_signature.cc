#include "gpu/host/compiler/kernel_signature.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_replace.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/Attr.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/Mangle.h"
#include "clang/AST/PrettyPrinter.h"
#include "clang/AST/Type.h"
#include "gpu/host/compiler/diagnostics.h"

namespace amdgpu::hostcc {
namespace {

struct Element {
  proto::DType dtype = proto::DTYPE_NONE;
  std::uint32_t lanes = 1;
};

proto::DType IntegerType(std::uint64_t bits, bool is_signed) {
  switch (bits) {
    case 8:
      return is_signed ? proto::DTYPE_I8 : proto::DTYPE_U8;
    case 16:
      return is_signed ? proto::DTYPE_I16 : proto::DTYPE_U16;
    case 32:
      return is_signed ? proto::DTYPE_I32 : proto::DTYPE_U32;
    case 64:
      return is_signed ? proto::DTYPE_I64 : proto::DTYPE_U64;
    default:
      return proto::DTYPE_NONE;
  }
}

proto::DType ScalarType(clang::ASTContext& context, clang::QualType type) {
  type = type.getCanonicalType().getUnqualifiedType();
  if (const auto* enumeration = type->getAs<clang::EnumType>()) {
    const clang::QualType integer = enumeration->getDecl()->getIntegerType();
    if (integer.isNull()) return proto::DTYPE_NONE;
    type = integer.getCanonicalType().getUnqualifiedType();
  }
  if (type->isBooleanType()) return proto::DTYPE_BOOL;
  const auto* builtin = type->getAs<clang::BuiltinType>();
  if (builtin == nullptr) return proto::DTYPE_NONE;
  switch (builtin->getKind()) {
    case clang::BuiltinType::Half:
    case clang::BuiltinType::Float16:
      return proto::DTYPE_F16;
    case clang::BuiltinType::BFloat16:
      return proto::DTYPE_BF16;
    case clang::BuiltinType::Float:
      return proto::DTYPE_F32;
    case clang::BuiltinType::Double:
      return proto::DTYPE_F64;
    default:
      return builtin->isInteger()
                 ? IntegerType(context.getTypeSize(type), builtin->isSignedInteger())
                 : proto::DTYPE_NONE;
  }
}

// The runtime's own class types: __half, __hip_bfloat16, HIP_vector_type<T, n>.
Element RecordElement(clang::ASTContext& context, const clang::RecordDecl& record) {
  const llvm::StringRef name = record.getName();
  if (name == "__half") return {proto::DTYPE_F16, 1};
  if (name == "__half2") return {proto::DTYPE_F16, 2};
  if (name == "__hip_bfloat16") return {proto::DTYPE_BF16, 1};
  if (name == "__hip_bfloat162") return {proto::DTYPE_BF16, 2};
  const auto* vector = llvm::dyn_cast<clang::ClassTemplateSpecializationDecl>(&record);
  if (vector == nullptr || name != "HIP_vector_type") return {};
  const clang::TemplateArgumentList& arguments = vector->getTemplateArgs();
  if (arguments.size() != 2 || arguments[0].getKind() != clang::TemplateArgument::Type ||
      arguments[1].getKind() != clang::TemplateArgument::Integral) {
    return {};
  }
  return {ScalarType(context, arguments[0].getAsType()),
          static_cast<std::uint32_t>(arguments[1].getAsIntegral().getZExtValue())};
}

Element ElementOf(clang::ASTContext& context, clang::QualType type) {
  type = type.getCanonicalType().getUnqualifiedType();
  while (const auto* array = context.getAsArrayType(type)) {
    type = array->getElementType().getCanonicalType().getUnqualifiedType();
  }
  if (const auto* vector = type->getAs<clang::VectorType>()) {
    return {ScalarType(context, vector->getElementType()), vector->getNumElements()};
  }
  if (const clang::RecordDecl* record = type->getAsRecordDecl()) {
    return RecordElement(context, *record);
  }
  return {ScalarType(context, type), 1};
}

// As people write it: "const float*", without qualifiers of the parameter itself.
std::string TypeText(clang::ASTContext& context, clang::QualType type) {
  clang::PrintingPolicy policy(context.getLangOpts());
  policy.SuppressTagKeyword = true;
  policy.Bool = true;
  type = type.getLocalUnqualifiedType();
  return absl::StrReplaceAll(
      type.getAsString(policy),
      {{" __restrict__", ""}, {" __restrict", ""}, {" *", "*"}, {" &", "&"}});
}

proto::Param ParameterOf(clang::ASTContext& context, const clang::ParmVarDecl& parameter) {
  proto::Param result;
  const clang::QualType type = parameter.getType();
  result.set_name(ToUtf8(std::string(parameter.getName())));
  result.set_type(ToUtf8(TypeText(context, type)));
  Element element;
  if (type->isPointerType() || type->isReferenceType()) {
    const clang::QualType pointee = type->getPointeeType();
    result.set_kind(proto::PARAM_POINTER);
    result.set_read_only(context.getBaseElementType(pointee).isConstQualified());
    element = ElementOf(context, pointee);
  } else {
    element = ElementOf(context, type);
    const bool scalar =
        type->isScalarType() || (element.lanes == 1 && element.dtype != proto::DTYPE_NONE);
    result.set_kind(scalar && element.dtype != proto::DTYPE_NONE ? proto::PARAM_SCALAR
                                                                 : proto::PARAM_AGGREGATE);
  }
  result.set_dtype(element.dtype);
  result.set_lanes(element.dtype == proto::DTYPE_NONE ? 1 : element.lanes);
  const clang::QualType stored =
      type->isReferenceType() ? context.getPointerType(type->getPointeeType()) : type;
  result.set_size(static_cast<std::uint32_t>(context.getTypeSizeInChars(stored).getQuantity()));
  result.set_alignment(
      static_cast<std::uint32_t>(context.getTypeAlignInChars(stored).getQuantity()));
  return result;
}

std::uint32_t LaunchBound(clang::ASTContext& context, const clang::FunctionDecl& kernel) {
  const auto* bounds = kernel.getAttr<clang::CUDALaunchBoundsAttr>();
  if (bounds == nullptr || bounds->getMaxThreads() == nullptr) return 0;
  const clang::Expr& threads = *bounds->getMaxThreads();
  if (threads.isValueDependent()) return 0;
  const auto value = threads.getIntegerConstantExpr(context);
  return value ? static_cast<std::uint32_t>(value->getLimitedValue(1u << 30)) : 0;
}

}  // namespace

proto::KernelInfo KernelSignature(clang::ASTContext& context, const clang::FunctionDecl& kernel,
                                  absl::string_view name) {
  proto::KernelInfo info;
  info.set_name(std::string(name));
  info.set_symbol(SymbolOf(context, kernel));
  std::uint32_t offset = 0;
  for (const clang::ParmVarDecl* parameter : kernel.parameters()) {
    proto::Param param = ParameterOf(context, *parameter);
    const std::uint32_t alignment = std::max(param.alignment(), 1u);
    offset = (offset + alignment - 1) / alignment * alignment;
    param.set_offset(offset);
    offset += param.size();
    *info.add_params() = std::move(param);
  }
  info.set_args_size(offset);
  info.set_max_threads_per_block(LaunchBound(context, kernel));
  return info;
}

std::string SymbolOf(clang::ASTContext& context, const clang::NamedDecl& declaration) {
  return clang::ASTNameGenerator(context).getName(&declaration);
}

}  // namespace amdgpu::hostcc

#include "nif/frame_term.h"

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "c_src/base/mutex.h"
#include "google/protobuf/descriptor.h"
#include "nif/atoms.h"
#include "nif/encode.h"

namespace amdgpu::nif {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;

// CoreClass -> CORE_CLASS_
std::string PrefixOf(const EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    if (absl::ascii_isupper(c) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(c);
  }
  return prefix + '_';
}

// Terms of atoms are valid in every environment: made once for each type.
struct Plan {
  std::vector<const FieldDescriptor*> fields;
  std::vector<ERL_NIF_TERM> keys;
  std::vector<const absl::flat_hash_map<int, ERL_NIF_TERM>*> enums;  // by field
  std::vector<const Plan*> messages;                                 // by field
};

class Plans {
 public:
  const Plan& For(ErlNifEnv* env, const Descriptor& type) {
    MutexLock lock(&mutex_);
    return Make(env, type);
  }

 private:
  const Plan& Make(ErlNifEnv* env, const Descriptor& type) {
    std::unique_ptr<Plan>& plan = plans_[&type];
    if (plan != nullptr) return *plan;
    plan = std::make_unique<Plan>();
    Plan& made = *plan;
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor* const field = type.field(i);
      made.fields.push_back(field);
      made.keys.push_back(enif_make_atom(env, std::string(field->name()).c_str()));
      made.enums.push_back(field->enum_type() != nullptr ? &Values(env, *field->enum_type())
                                                         : nullptr);
      made.messages.push_back(field->message_type() != nullptr ? &Make(env, *field->message_type())
                                                               : nullptr);
    }
    return made;
  }

  const absl::flat_hash_map<int, ERL_NIF_TERM>& Values(ErlNifEnv* env, const EnumDescriptor& type) {
    std::unique_ptr<absl::flat_hash_map<int, ERL_NIF_TERM>>& values = enums_[&type];
    if (values != nullptr) return *values;
    values = std::make_unique<absl::flat_hash_map<int, ERL_NIF_TERM>>();
    const std::string prefix = PrefixOf(type);
    for (int i = 0; i < type.value_count(); ++i) {
      const EnumValueDescriptor* const value = type.value(i);
      const std::string name = absl::AsciiStrToLower(absl::StripPrefix(value->name(), prefix));
      const bool nothing = name == "unspecified" || name == "none";
      (*values)[value->number()] = nothing ? atoms.nil : enif_make_atom(env, name.c_str());
    }
    return *values;
  }

  Mutex mutex_;
  absl::flat_hash_map<const Descriptor*, std::unique_ptr<Plan>> plans_;
  absl::flat_hash_map<const EnumDescriptor*,
                      std::unique_ptr<absl::flat_hash_map<int, ERL_NIF_TERM>>>
      enums_;
};

ERL_NIF_TERM Real(ErlNifEnv* env, double value) {
  return std::isfinite(value) ? enif_make_double(env, value) : atoms.nil;
}

class Encoder {
 public:
  explicit Encoder(ErlNifEnv* env) : env_(env) {}

  ERL_NIF_TERM Encode(const google::protobuf::Message& message, const Plan& plan) {
    const Reflection& reflection = *message.GetReflection();
    // Values of all the messages above this one lie below `base`.
    const std::size_t base = values_.size();
    for (std::size_t i = 0; i < plan.fields.size(); ++i) {
      const ERL_NIF_TERM value = plan.fields[i]->is_repeated()
                                     ? Repeated(message, reflection, plan, i)
                                     : Single(message, reflection, plan, i);
      values_.push_back(value);
    }
    ERL_NIF_TERM map = atoms.nil;
    enif_make_map_from_arrays(env_, const_cast<ERL_NIF_TERM*>(plan.keys.data()),
                              values_.data() + base, plan.keys.size(), &map);
    values_.resize(base);
    return map;
  }

 private:
  static ERL_NIF_TERM EnumTerm(const Plan& plan, std::size_t i, int number) {
    const auto found = plan.enums[i]->find(number);
    return found == plan.enums[i]->end() ? atoms.unknown : found->second;
  }

  ERL_NIF_TERM Single(const google::protobuf::Message& message, const Reflection& reflection,
                      const Plan& plan, std::size_t i) {
    const FieldDescriptor* const field = plan.fields[i];
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return enif_make_int(env_, reflection.GetInt32(message, field));
      case FieldDescriptor::CPPTYPE_INT64:
        return enif_make_int64(env_, reflection.GetInt64(message, field));
      case FieldDescriptor::CPPTYPE_UINT32:
        return enif_make_uint(env_, reflection.GetUInt32(message, field));
      case FieldDescriptor::CPPTYPE_UINT64:
        return enif_make_uint64(env_, reflection.GetUInt64(message, field));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return Real(env_, reflection.GetDouble(message, field));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return Real(env_, reflection.GetFloat(message, field));
      case FieldDescriptor::CPPTYPE_BOOL:
        return MakeBool(reflection.GetBool(message, field));
      case FieldDescriptor::CPPTYPE_ENUM:
        return EnumTerm(plan, i, reflection.GetEnumValue(message, field));
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string scratch;
        return EncodeString(env_, reflection.GetStringReference(message, field, &scratch));
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (!reflection.HasField(message, field)) return atoms.nil;
        return Encode(reflection.GetMessage(message, field), *plan.messages[i]);
    }
    return atoms.nil;
  }

  ERL_NIF_TERM Repeated(const google::protobuf::Message& message, const Reflection& reflection,
                        const Plan& plan, std::size_t i) {
    const FieldDescriptor* const field = plan.fields[i];
    const std::size_t base = values_.size();
    const int size = reflection.FieldSize(message, field);
    for (int k = 0; k < size; ++k) {
      ERL_NIF_TERM value = atoms.nil;
      switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_UINT32:
          value = enif_make_uint(env_, reflection.GetRepeatedUInt32(message, field, k));
          break;
        case FieldDescriptor::CPPTYPE_UINT64:
          value = enif_make_uint64(env_, reflection.GetRepeatedUInt64(message, field, k));
          break;
        case FieldDescriptor::CPPTYPE_FLOAT:
          value = Real(env_, reflection.GetRepeatedFloat(message, field, k));
          break;
        case FieldDescriptor::CPPTYPE_DOUBLE:
          value = Real(env_, reflection.GetRepeatedDouble(message, field, k));
          break;
        case FieldDescriptor::CPPTYPE_STRING: {
          std::string scratch;
          value = EncodeString(env_,
                               reflection.GetRepeatedStringReference(message, field, k, &scratch));
          break;
        }
        case FieldDescriptor::CPPTYPE_MESSAGE:
          value = Encode(reflection.GetRepeatedMessage(message, field, k), *plan.messages[i]);
          break;
        default:  // no such field in the schema
          break;
      }
      values_.push_back(value);
    }
    const ERL_NIF_TERM list =
        enif_make_list_from_array(env_, values_.data() + base, static_cast<unsigned>(size));
    values_.resize(base);
    return list;
  }

  ErlNifEnv* const env_;
  std::vector<ERL_NIF_TERM> values_;
};

}  // namespace

ERL_NIF_TERM EncodeMessage(ErlNifEnv* env, const google::protobuf::Message& message) {
  static Plans* const plans = new Plans();
  return Encoder(env).Encode(message, plans->For(env, *message.GetDescriptor()));
}

}  // namespace amdgpu::nif

// What the machine code of a kernel may call: every symbol that an object may leave undefined.
//
// The compiler declares nothing else (and can refuse at compile time what is not listed); the
// driver's loader binds exactly these. The math functions are those of this machine's libm and
// libmvec; the rest is part of the driver.

#ifndef AMDGPU_GPU_HOST_RUNTIME_SYMBOLS_H_
#define AMDGPU_GPU_HOST_RUNTIME_SYMBOLS_H_

#include <string_view>

namespace amdgpu::host {

// Functions of libm with a double form, under this name, and a float form, with an `f` after it.
inline constexpr std::string_view kMathFunctions[] = {
    "acos",   "acosh",    "asin",    "asinh",     "atan",      "atan2",     "atanh", "cbrt",
    "ceil",   "copysign", "cos",     "cosh",      "erf",       "erfc",      "exp",   "exp10",
    "exp2",   "expm1",    "fabs",    "fdim",      "floor",     "fma",       "fmax",  "fmin",
    "fmod",   "frexp",    "hypot",   "ilogb",     "j0",        "j1",        "jn",    "ldexp",
    "lgamma", "llrint",   "llround", "log",       "log10",     "log1p",     "log2",  "logb",
    "lrint",  "lround",   "modf",    "nan",       "nearbyint", "nextafter", "pow",   "remainder",
    "remquo", "rint",     "round",   "roundeven", "scalbln",   "scalbn",    "sin",   "sincos",
    "sinh",   "sqrt",     "tan",     "tanh",      "tgamma",    "trunc",     "y0",    "y1",
    "yn",
};

// Functions of libmvec, in the same two forms; `arguments` is the vector ABI's code for its
// parameters. The symbol is _ZGV<isa>N<lanes><arguments>_<name>; see kVectorWidths.
struct VectorMathFunction {
  std::string_view name;
  std::string_view arguments;
};
inline constexpr VectorMathFunction kVectorMathFunctions[] = {
    {"acos", "v"},   {"acosh", "v"},  {"asin", "v"}, {"asinh", "v"},    {"atan", "v"},
    {"atan2", "vv"}, {"atanh", "v"},  {"cbrt", "v"}, {"cos", "v"},      {"cosh", "v"},
    {"erf", "v"},    {"erfc", "v"},   {"exp", "v"},  {"exp10", "v"},    {"exp2", "v"},
    {"expm1", "v"},  {"hypot", "vv"}, {"log", "v"},  {"log10", "v"},    {"log1p", "v"},
    {"log2", "v"},   {"pow", "vv"},   {"sin", "v"},  {"sincos", "vvv"}, {"sinh", "v"},
    {"tan", "v"},    {"tanh", "v"},
};

// The vector ABI's letter for an instruction set, and the doubles in one of its registers; twice as
// many floats.
struct VectorWidth {
  char isa;
  int doubles;
};
inline constexpr VectorWidth kVectorWidths[] = {
    {'b', 2},  // SSE4
    {'c', 4},  // AVX
    {'d', 4},  // AVX2
    {'e', 8},  // AVX-512
};

// Provided by the driver, with the C library's meaning where it has one. `printf`, `puts` and
// `putchar` write to the launch's print stream. In C:
//   void __hd_assert_fail(const char* expression, const char* file, int line, const char* function)
// ends the process with that message, as `abort` does without one.
inline constexpr std::string_view kDriverFunctions[] = {
    // memory
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    "bcmp",
    "memchr",
    "strlen",
    "strnlen",
    "strcmp",
    "strncmp",
    // printing and ending
    "printf",
    "puts",
    "putchar",
    "abort",
    "__hd_assert_fail",
    // conversions that the compiler does not expand: half, bfloat, 128-bit integers, powi
    "__extendhfsf2",
    "__extendhfdf2",
    "__truncsfhf2",
    "__truncdfhf2",
    "__truncsfbf2",
    "__truncdfbf2",
    "__multi3",
    "__divti3",
    "__modti3",
    "__udivti3",
    "__umodti3",
    "__ashlti3",
    "__ashrti3",
    "__lshrti3",
    "__fixsfti",
    "__fixdfti",
    "__fixunssfti",
    "__fixunsdfti",
    "__floattisf",
    "__floattidf",
    "__floatuntisf",
    "__floatuntidf",
    "__powisf2",
    "__powidf2",
};

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_RUNTIME_SYMBOLS_H_

// Code that needs everything of a loader: calls near and far, tables of addresses, variables of
// every section, library functions.

#include "gpu/host/abi.h"

using amdgpu::host::BlockRange;

typedef float Float4 __attribute__((vector_size(16)));

extern "C" {
float sinf(float);
double pow(double, double);
void* memcpy(void*, const void*, unsigned long);
Float4 _ZGVbN4v_expf(Float4);
double not_there() __attribute__((weak));

int initialised = 7;
int zeroed[1000];
extern const int constants[4] = {1, 2, 3, 4};
}

namespace {

double One(double x) { return x + 1; }
double Two(double x) { return x * 2; }
double Power(double x) { return pow(x, 2.5); }

// Relocated data.
double (*const kTable[])(double) = {&One, &Two, &Power};
double (*volatile written_table[])(double) = {&Two, &One};

}  // namespace

extern "C" void __hdk_everything(const void* args, const BlockRange* range) {
  (void)range;
  double* out = *static_cast<double* const*>(args);
  out[0] = kTable[0](10);
  out[1] = kTable[1](10);
  out[2] = kTable[2](10);
  out[3] = written_table[1](20);
  out[4] = static_cast<double>(sinf(static_cast<float>(out[0])));
  out[5] = initialised++;
  zeroed[999] += 5;
  out[6] = zeroed[999];
  double copied[2] = {};
  volatile unsigned long bytes = sizeof(copied);
  memcpy(copied, out, bytes);
  out[7] = copied[1];
  out[8] = not_there != nullptr;
  out[9] = constants[2];
}

extern "C" void __hdk_vector_math(const void* args, const BlockRange* range) {
  (void)range;
  float* out = *static_cast<float* const*>(args);
  Float4 x = {out[0], out[1], out[2], out[3]};
  x = _ZGVbN4v_expf(x);
  for (int i = 0; i < 4; ++i) out[i] = x[i];
}

// Memory and strings.
#ifndef AMDGPU_HD_STD_STRING_H_
#define AMDGPU_HD_STD_STRING_H_
#include <stddef.h>
extern "C" {
__device__ void* memcpy(void* destination, const void* source, size_t bytes);
__device__ void* memmove(void* destination, const void* source, size_t bytes);
__device__ void* memset(void* destination, int value, size_t bytes);
__device__ int memcmp(const void* a, const void* b, size_t bytes);
__device__ size_t strlen(const char* text);
__device__ int strcmp(const char* a, const char* b);
}
#endif  // AMDGPU_HD_STD_STRING_H_

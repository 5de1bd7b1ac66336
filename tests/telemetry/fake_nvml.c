/* Stands in for libnvidia-ml: one device, whose answers do not change. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void* Device;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned pid; unsigned long long bytes; unsigned gpu, compute; } Process;

int nvmlInit_v2(void) { return getenv("FAKE_NVML_FAILS") ? 9 : 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char* id, Device* device) {
  *device = (Device)0x77;
  return strcmp(id, "0000:65:00.0") == 0 ? 0 : 6;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* device) {
  *device = (Device)0x77;
  return index == 0 ? 0 : 2;
}
int nvmlDeviceGetUtilizationRates(Device device, Utilization* out) {
  out->gpu = device == (Device)0x77 ? 63 : 0;
  out->memory = 140; /* nonsense */
  return 0;
}
int nvmlDeviceGetMemoryInfo(Device device, Memory* out) {
  (void)device;
  out->total = 1000;
  out->used = 400;
  out->free = 600;
  return 0;
}
int nvmlDeviceGetPowerUsage(Device device, unsigned* out) { (void)device; *out = 250500; return 0; }
int nvmlDeviceGetTotalEnergyConsumption(Device device, unsigned long long* out) {
  (void)device;
  *out = 7000;
  return 0;
}
int nvmlDeviceGetTemperature(Device device, unsigned sensor, unsigned* out) {
  (void)device;
  *out = 48;
  return sensor == 0 ? 0 : 2;
}
int nvmlDeviceGetClockInfo(Device device, unsigned type, unsigned* out) {
  (void)device;
  *out = 1000 + type;
  return 0;
}
int nvmlDeviceGetFanSpeed(Device device, unsigned* out) { (void)device; (void)out; return 3; }
int nvmlDeviceGetCurrentClocksThrottleReasons(Device device, unsigned long long* out) {
  (void)device;
  *out = 0x20;
  return 0;
}
int nvmlDeviceGetTotalEccErrors(Device device, unsigned type, unsigned counter,
                                unsigned long long* out) {
  (void)device;
  *out = type == 0 ? 5 : 1;
  return counter == 0 ? 0 : 2;
}
int nvmlDeviceGetEnforcedPowerLimit(Device device, unsigned* out) { (void)device; (void)out; return 4; }
int nvmlDeviceGetCurrPcieLinkGeneration(Device device, unsigned* out) { (void)device; *out = 5; return 0; }
int nvmlDeviceGetPcieThroughput(Device device, unsigned direction, unsigned* out) {
  (void)device;
  *out = direction == 0 ? 20 : 10;
  return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(Device device, unsigned* count, Process* out) {
  (void)device;
  if (*count < 2) return 7;
  *count = 2;
  out[0].pid = 1;
  out[1].pid = (unsigned)getpid();
  out[1].bytes = 123;
  return 0;
}
/* Not there: link width, replay counter, encoder and decoder. */

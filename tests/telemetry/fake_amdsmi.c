/* A stand-in for libamd_smi: two sockets, two GPUs. Prototypes as in amdsmi.h of ROCm 6. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  uint32_t gfx_activity, umc_activity, mm_activity, reserved[13];
} amdsmi_engine_usage_t;

int amdsmi_init(uint64_t flags) {
  if (getenv("FAKE_AMDSMI_FAILS")) return 12;
  return flags == 2 ? 0 : 1;
}
int amdsmi_get_socket_handles(uint32_t* count, void** sockets) {
  if (*count < 2) return 1;
  *count = 2;
  sockets[0] = (void*)0x10;
  sockets[1] = (void*)0x20;
  return 0;
}
int amdsmi_get_processor_handles(void* socket, uint32_t* count, void** processors) {
  *count = 1;
  processors[0] = (char*)socket + 1;
  return 0;
}
/* 0000:03:00.0 and 0001:65:00.1, the second with a partition's number. */
int amdsmi_get_gpu_bdf_id(void* processor, uint64_t* id) {
  *id = processor == (void*)0x11 ? 0x300 : 0x0000000130006501;
  return 0;
}
int amdsmi_get_gpu_activity(void* processor, amdsmi_engine_usage_t* info) {
  memset(info, 0, sizeof(*info));
  info->gfx_activity = processor == (void*)0x11 ? 71 : 0xffff;
  info->umc_activity = processor == (void*)0x11 ? 23 : 140;
  return 0;
}
int amdsmi_get_gpu_memory_total(void* processor, int kind, uint64_t* total) {
  (void)processor;
  *total = kind == 0 ? 1000 : 4000;
  return 0;
}
int amdsmi_get_gpu_memory_usage(void* processor, int kind, uint64_t* used) {
  (void)processor;
  *used = kind == 0 ? 400 : 0;
  return kind == 0 ? 0 : 10; /* no permission */
}
int amdsmi_get_temp_metric(void* processor, int sensor, int metric, int64_t* temperature) {
  (void)processor;
  *temperature = 50 + sensor;
  if (sensor == 2) return 2; /* not supported */
  return metric == 0 ? 0 : 1;
}

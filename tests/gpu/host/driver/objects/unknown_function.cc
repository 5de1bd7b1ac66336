// Calls what the host device does not have.
extern "C" int open(const char* path, int flags);
extern "C" void __hdk_k(const void*, const void*) { open("/etc/passwd", 0); }

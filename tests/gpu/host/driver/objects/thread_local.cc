// Has a thread-local variable.
thread_local int per_thread = 3;
extern "C" void __hdk_k(const void*, const void*) { ++per_thread; }

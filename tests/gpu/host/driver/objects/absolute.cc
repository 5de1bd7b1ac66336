// Compiled without position independence: refers to data by 32-bit absolute addresses.
int values[100];
extern "C" void __hdk_k(const void* args, const void*) {
  values[*static_cast<const int*>(args)] = 1;
}

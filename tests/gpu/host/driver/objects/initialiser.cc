// Has a variable that code initialises at load time.
extern "C" double sin(double);
volatile double one = 1;
double computed = sin(one);
extern "C" void __hdk_k(const void*, const void*) { computed += 1; }

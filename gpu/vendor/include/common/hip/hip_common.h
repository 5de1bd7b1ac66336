// The HIP device API: there without an include.

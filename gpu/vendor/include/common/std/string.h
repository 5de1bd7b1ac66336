// In the prelude, or a part of the compiler.

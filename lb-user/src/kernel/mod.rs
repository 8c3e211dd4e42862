//! Kernel help: capabilities, loading, pinning, maps; a twin without BPF.

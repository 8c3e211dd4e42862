//! Hash functions of the balancing algorithms and converters.

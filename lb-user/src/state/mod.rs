//! Live state: counters and status of the process, proxies, servers and listeners, as atomics.

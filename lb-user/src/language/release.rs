//! Which version of the language this is, and what of it was built in.

/// The HAProxy version whose language is spoken; what `version_atleast()` compares with.
pub const VERSION: &str = "2.4.0";

/// The optional parts of the language by the peer's names, and whether they work here.
pub const FEATURES: &[(&str, bool)] = &[
    ("EPOLL", true),
    ("KQUEUE", false),
    ("NETFILTER", false),
    ("PCRE", false),
    ("PCRE_JIT", false),
    ("PCRE2", false),
    ("PCRE2_JIT", false),
    ("POLL", false),
    ("THREAD", true),
    ("BACKTRACE", false),
    ("TPROXY", false),
    ("LINUX_TPROXY", false),
    ("LINUX_SPLICE", false),
    ("LIBCRYPT", false),
    ("CRYPT_H", false),
    ("GETADDRINFO", true),
    ("OPENSSL", true),
    ("LUA", false),
    ("ACCEPT4", true),
    ("ZLIB", false),
    ("SLZ", false),
    ("CPU_AFFINITY", true),
    ("TFO", false),
    ("NS", false),
    ("DL", false),
    ("RT", true),
    ("DEVICEATLAS", false),
    ("51DEGREES", false),
    ("WURFL", false),
    ("SYSTEMD", true),
    ("PRCTL", true),
    ("PROMEX", false),
    ("MEMORY_PROFILING", false),
];

/// What `http-request use-service` can name.
pub const SERVICES: &[&str] = &[];

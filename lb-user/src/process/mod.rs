//! Startup on one page: arguments, privileges, master and worker, listeners' handover, signals.

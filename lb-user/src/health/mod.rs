//! Health checks: what to ask a server and what its answer means.

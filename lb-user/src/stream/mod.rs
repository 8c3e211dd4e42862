//! One HTTP exchange: phases, forwarding, retries, timers, termination states.

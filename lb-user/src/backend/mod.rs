//! Servers, the choice of one, queues, idle connections, connecting.

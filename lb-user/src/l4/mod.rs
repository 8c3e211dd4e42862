//! A TCP stream: content inspection, promotion, relay.

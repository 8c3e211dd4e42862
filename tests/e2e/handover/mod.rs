//! Streams that the balancer hands over to the kernel: nobody on them notices, whatever happens meanwhile.
mod fuzz;
mod session;
mod site;
mod survival;

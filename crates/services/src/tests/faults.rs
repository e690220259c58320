//! What goes wrong below the services: the disk, the power, clients that go away.

mod backends;
mod collection;
mod disk_errors;
mod interleavings;
mod leases;
mod nesting;
mod order;
mod power_cut;
mod pushes;
mod registry;

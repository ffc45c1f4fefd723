//! Facts about decisions. Each test builds a site in a line or two, changes one thing and states what follows.

mod approvals;
mod catalogue;
mod changes;
mod checks;
mod drift;
mod fixture;
mod half_done;
mod installs;
mod net_servers;
mod paths;
mod properties;
mod proposals;
mod random_sites;
mod restore;
mod settings;
mod shared;
mod windows;
mod words;

//! Facts about decisions. Each test builds a site in a line or two, changes one thing and states what follows.

mod approvals;
mod catalogue;
mod changes;
mod checks;
mod clients;
mod corrections;
mod drift;
mod fixture;
mod half_done;
mod installs;
mod instances;
mod net_servers;
mod notices;
mod orphans;
mod paths;
mod pocket;
mod properties;
mod proposals;
mod random_sites;
mod restore;
mod settings;
mod shared;
mod verification;
mod windows;
mod wizards;
mod words;

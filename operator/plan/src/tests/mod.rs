//! Facts about decisions. Each test builds a site in a line or two, changes one thing and states what follows.

mod catalogue;
mod changes;
mod checks;
mod fixture;
mod installs;
mod paths;
mod properties;
mod proposals;
mod restore;
mod settings;
mod shared;
mod windows;
mod words;

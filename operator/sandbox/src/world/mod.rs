//! The simulated world: Windows servers, IIS, a SQL Server, the vendor's installers, and the people who use the site.
//!
//! It models the world, not our code: it behaves as the vendor's documents say (each rule names its page), and what no
//! document says stands in [`assumptions`]. One seed, ordered maps and the runtime's paused clock make every run the
//! same. Nothing in here knows an operator; it is met through `crm_agent::host::Host` ([`SimHost`]),
//! `crm_database::Connect` ([`SimSql`]) and a person's hands ([`people`]).
//!
//! - [`scenario`]: the document that describes a world; `build` and `install` make it. [`layout`]: where things lie.
//! - `machine`, `files`, `iis`, `http`, `services`, `registry`, `process`: one Windows server; `host`: its edge.
//! - `sites`: several sites in one world, and which of them something belongs to. `network`: names, mail servers, mailboxes.
//! - `routes`: where host names lead; `moving`: what becomes of them when Web and Service go to one.
//! - `sql`, `backup`, `restore`, `scratch`: the SQL Server; `bring_back`: files, keys and IIS from exports. `vendor`: the installers and `upgrade.exe`.
//! - `clients`: what serves people's own machines and phones.
//! - `users`, `scheduler`: who works on the site meanwhile; `by_hand`: who works on the servers without the operator.
//! - [`ghost`]: what really happened; [`faults`]: what can be made to go wrong; `digest`: how it stands in the end.

pub mod assumptions;
mod backup;
mod bring_back;
mod build;
mod by_hand;
mod clients;
mod describe;
mod digest;
pub mod faults;
mod files;
pub mod ghost;
mod host;
mod http;
mod iis;
pub(crate) mod install;
pub mod layout;
mod machine;
mod moving;
mod network;
mod other_sites;
pub mod people;
mod process;
mod registry;
mod restore;
mod routes;
pub mod scenario;
mod scheduler;
mod scratch;
mod services;
mod sites;
mod sql;
mod state;
#[cfg(test)]
mod tests;
mod users;
mod vendor;

pub use build::{BuildError, package_content};
pub use digest::VersionRow;
pub use faults::WorldFault;
pub use ghost::{Change, GhostEvent, Happening, Observer, StartedBy};
pub use host::SimHost;
pub use install::PASSWORD_IN_CONFIG;
pub use scenario::Scenario;
pub use sql::SimSql;
pub use state::World;
pub(crate) use vendor::{CREATE_SITE, REPORTS, UNTICKED};

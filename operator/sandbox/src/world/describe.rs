//! What happened, in a few words for a person.

use std::fmt;

use crate::world::ghost::{Change, GhostEvent, Happening, StartedBy};

impl fmt::Display for GhostEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.at, self.what)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerFiles => formatter.write_str("server files"),
            Self::SchemaPart { part, of } => write!(formatter, "schema, part {part} of {of},"),
            Self::Schema => formatter.write_str("schema"),
            Self::WebFiles => formatter.write_str("web files"),
            Self::NetServerFiles => formatter.write_str("netserver files"),
            Self::NetServerProgram => formatter.write_str("netserver program"),
            Self::NetServerRemoved => formatter.write_str("netserver removed"),
            Self::WebProgram => formatter.write_str("web in installed programs"),
            Self::ServiceFiles => formatter.write_str("service files"),
            Self::Reports => formatter.write_str("standard reports"),
            Self::Templates => formatter.write_str("customer-centre templates"),
            Self::ServiceProgram => formatter.write_str("service in installed programs"),
            Self::Handlers => formatter.write_str("FastCGI handlers"),
            Self::ServiceData => formatter.write_str("service data"),
            Self::Attachments { folder } => write!(formatter, "attachments in folder{folder},"),
            Self::Endpoint => formatter.write_str("nsEndPoint"),
            Self::ServiceVersion => formatter.write_str("service version"),
        }
    }
}

impl fmt::Display for StartedBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent { order: Some(order) } => write!(formatter, "order {order}"),
            Self::Agent { order: None } => formatter.write_str("the agent"),
            Self::Person => formatter.write_str("a person"),
        }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { node, program, by, .. } => write!(formatter, "{program} started on {node} by {by}"),
            Self::Effect { node, change, number, .. } => write!(formatter, "{change} {number} on {node}"),
            Self::Ended { node, program, exit: Some(exit), .. } => {
                write!(formatter, "{program} ended on {node} with {exit}")
            }
            Self::Ended { node, program, exit: None, .. } => write!(formatter, "{program} cut off on {node}"),
            Self::ByHand { who, what } => write!(formatter, "{who} {what}"),
            Self::DatabaseWrite { by } => write!(formatter, "{by} wrote to the database"),
            Self::WrongSchemaTouched { by, number, database } => {
                write!(formatter, "{by} of {number} touched the schema of {database}")
            }
            Self::NetServerCrashed { node, number } => write!(formatter, "NetServer {number} crashed on {node}"),
            Self::BackupStarted { path, sessions } => {
                write!(formatter, "backup to {path} started, {} others connected", sessions.len())
            }
            Self::BackupTaken { path, last_lsn, .. } => write!(formatter, "backup {path} taken at {last_lsn}"),
            Self::BackupFailed { path, error } => write!(formatter, "backup to {path} failed with {error}"),
            Self::RestoreStarted { path, sessions } => {
                write!(formatter, "restore from {path} started, {} others connected", sessions.len())
            }
            Self::DatabaseRestored { path, release } => write!(formatter, "restored from {path}, at {release}"),
            Self::RestoreTested { path, sound: true } => write!(formatter, "{path} restored elsewhere, no fault"),
            Self::RestoreTested { path, sound: false } => write!(formatter, "{path} restored elsewhere, damaged"),
            Self::RestoreFailed { path } => write!(formatter, "restore from {path} failed"),
            Self::BackupTampered { path } => write!(formatter, "backup {path} damaged"),
            Self::AgentKilled { node } => write!(formatter, "agent on {node} gone"),
            Self::RebootStarted { node } => write!(formatter, "{node} goes down"),
            Self::Booted { node, boot_id } => write!(formatter, "{node} is up as {boot_id}"),
            Self::Frozen { node } => write!(formatter, "frozen on {node}"),
            Self::Unfrozen { node } => write!(formatter, "unfrozen on {node}"),
            Self::UserOut { user } => write!(formatter, "{user} is out"),
            Self::UserBack { user } => write!(formatter, "{user} is back"),
            Self::CachesFlushed { node } => write!(formatter, "caches flushed on {node}"),
            Self::FaultStruck { fault, at } => write!(formatter, "fault {fault} at {at}"),
        }
    }
}

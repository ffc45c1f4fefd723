//! The ghost history: what really happened, written by the world alone. Invariants are judged against it, never against
//! what the operator believes.

use std::sync::Arc;

use crm_api::site::Component;
use jiff::Timestamp;
use serde::Serialize;

/// One thing that really happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GhostEvent {
    /// Place in the history, from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// At which site; what concerns a machine or share as a whole stands at the first one.
    pub site: String,
    /// What.
    pub what: Happening,
}

/// Who started a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum StartedBy {
    /// The machine's agent; the order it was carrying out, where the runner said so ([`crate::world::World::set_order`]).
    Agent {
        /// Id of the order.
        order: Option<String>,
    },
    /// A person at the machine.
    Person,
}

/// What changed for good.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Change {
    /// Program files and `SuperOffice.ini` of the CRM Server.
    ServerFiles,
    /// A part of the schema; the first one is the point of no return.
    SchemaPart {
        /// Which part, from 1.
        part: u32,
        /// Of how many.
        of: u32,
    },
    /// The schema is whole at the new release, and the database says so.
    Schema,
    /// Standard reports that people edited, replaced by the vendor's.
    Reports,
    /// The files of Web with NetServer inside.
    WebFiles,
    /// Web's entry in the list of installed programs.
    WebProgram,
    /// The files of a NetServer of its own.
    NetServerFiles,
    /// Its entry in the list of installed programs.
    NetServerProgram,
    /// It is uninstalled, with its application and its pool.
    NetServerRemoved,
    /// The files of Service.
    ServiceFiles,
    /// The customer-centre templates: old ones copied away, standard ones installed.
    Templates,
    /// Service's entry in the list of installed programs.
    ServiceProgram,
    /// FastCGI handlers.
    Handlers,
    /// Service's data, as `upgrade.exe` transforms it once per release.
    ServiceData,
    /// Attachments moved into one sub-folder.
    Attachments {
        /// Its number, from 0.
        folder: usize,
    },
    /// `nsEndPoint` in Service's configuration file.
    Endpoint,
    /// `config.version` and `config.installed_at`.
    ServiceVersion,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Happening {
    /// A vendor program began.
    Started {
        /// Machine.
        node: String,
        /// Its process id there.
        pid: u32,
        /// File name.
        program: String,
        /// Component that it belongs to.
        component: Option<Component>,
        /// Who started it.
        by: StartedBy,
        /// Whether it destroys or transforms programs or data.
        destructive: bool,
    },
    /// A program changed something for good.
    Effect {
        /// Machine.
        node: String,
        /// Its process id there.
        pid: u32,
        /// File name.
        program: String,
        /// What.
        change: Change,
        /// Release that it leads to.
        number: String,
    },
    /// A vendor program is over.
    Ended {
        /// Machine.
        node: String,
        /// Its process id there.
        pid: u32,
        /// File name.
        program: String,
        /// Exit code; none where it was cut off.
        exit: Option<i32>,
    },
    /// Somebody works on the servers without the operator.
    ByHand {
        /// Who.
        who: String,
        /// What they do.
        what: String,
    },
    /// Somebody wrote to the database (schema changes are effects, not writes).
    DatabaseWrite {
        /// Who: a user, a program, the operator.
        by: String,
    },
    /// A program of one release touched a schema of another one: what must never happen.
    WrongSchemaTouched {
        /// Who.
        by: String,
        /// Release of the program.
        number: String,
        /// Release of the schema.
        database: String,
    },
    /// A NetServer crashed because the database is of another release.
    NetServerCrashed {
        /// Machine.
        node: String,
        /// Its release.
        number: String,
    },
    /// A backup of the database was begun.
    BackupStarted {
        /// File.
        path: String,
        /// Sessions on the database at that moment, as `program@host`.
        sessions: Vec<String>,
    },
    /// A backup file was written as a whole.
    BackupTaken {
        /// File.
        path: String,
        /// Size in bytes.
        size_bytes: i64,
        /// sha256 of the file.
        sha256: String,
        /// When it was begun.
        started_at: Timestamp,
        /// Exact moment of the data.
        last_lsn: String,
        /// Release of the schema in it.
        database: String,
    },
    /// A restore of the database was begun.
    RestoreStarted {
        /// File.
        path: String,
        /// Sessions on the database at that moment, as `program@host`.
        sessions: Vec<String>,
    },
    /// The database is what the backup holds.
    DatabaseRestored {
        /// File.
        path: String,
        /// Release of the schema in it.
        release: String,
    },
    /// A backup was restored under another name and looked through there.
    RestoreTested {
        /// File.
        path: String,
        /// Whether no fault was found.
        sound: bool,
    },
    /// A restore did not come about; the database is half.
    RestoreFailed {
        /// File.
        path: String,
    },
    /// A backup did not come about.
    BackupFailed {
        /// File.
        path: String,
        /// Error number of SQL Server.
        error: i32,
    },
    /// A backup file is no longer what was written.
    BackupTampered {
        /// File.
        path: String,
    },
    /// An agent's process is gone; its programs run on, its consoles are closed.
    AgentKilled {
        /// Machine.
        node: String,
    },
    /// Windows goes down; every process on it is gone.
    RebootStarted {
        /// Machine.
        node: String,
    },
    /// Windows is up again.
    Booted {
        /// Machine.
        node: String,
        /// The new boot id.
        boot_id: String,
    },
    /// The instance was closed for its users.
    Frozen {
        /// Machine.
        node: String,
    },
    /// The instance was opened again.
    Unfrozen {
        /// Machine.
        node: String,
    },
    /// A user cannot work any more.
    UserOut {
        /// Name.
        user: String,
    },
    /// A user works again.
    UserBack {
        /// Name.
        user: String,
    },
    /// A person flushed the caches of Service.
    CachesFlushed {
        /// Machine.
        node: String,
    },
    /// A planned fault struck.
    FaultStruck {
        /// Its name.
        fault: String,
        /// Where.
        at: String,
    },
}

impl Happening {
    /// The machine that it is about as a whole, where it is about no site.
    pub(crate) fn machine(&self) -> Option<&str> {
        match self {
            Self::AgentKilled { node } | Self::RebootStarted { node } | Self::Booted { node, .. } => Some(node),
            _ => None,
        }
    }
}

/// Called after every event, outside the world's lock: it may look at the world.
pub type Observer = Arc<dyn Fn(&GhostEvent) + Send + Sync>;

/// The history so far.
#[derive(Default)]
pub(crate) struct Ghost {
    pub(crate) events: Vec<GhostEvent>,
    pub(crate) delivered: usize,
    pub(crate) observers: Vec<Observer>,
}

impl Ghost {
    pub(crate) fn write(&mut self, at: Timestamp, site: &str, what: Happening) {
        let sequence = u64::try_from(self.events.len()).unwrap_or(u64::MAX).saturating_add(1);
        self.events.push(GhostEvent { sequence, at, site: site.to_owned(), what });
    }

    /// Events that no observer has seen yet; they count as delivered from now on.
    pub(crate) fn take_new(&mut self) -> Vec<GhostEvent> {
        let new = if self.observers.is_empty() {
            Vec::new()
        } else {
            self.events.get(self.delivered..).unwrap_or_default().to_vec()
        };
        self.delivered = self.events.len();
        new
    }
}

//! What agents answer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::Probe;
use super::{Machine, RunState, StartType};
use crate::Time;

/// What an agent saw. `Absent` is an answer too; `Unreadable` is not one, and nothing is concluded from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Answer {
    /// The thing asked about does not exist.
    Absent {},
    /// The machine did not let itself be asked.
    Unreadable {
        /// What the machine said.
        #[schemars(length(max = 512))]
        reason: String,
    },
    /// Answer to [`Probe::Machine`].
    Machine(Machine),
    /// Answer to [`Probe::Program`].
    Program {
        /// Version as listed.
        #[schemars(length(max = 64))]
        version: String,
        /// Install location as listed.
        #[schemars(length(max = 1024))]
        location: String,
    },
    /// Answer to [`Probe::FileVersion`].
    Version {
        /// Version resource.
        #[schemars(length(max = 64))]
        version: String,
    },
    /// Answer to [`Probe::FileHash`].
    File {
        /// Size in bytes.
        size_bytes: i64,
        /// Lower-case hexadecimal.
        #[schemars(length(max = 64))]
        sha256: String,
    },
    /// Answer to [`Probe::IniValue`], [`Probe::ConfigValue`], [`Probe::XmlValue`] and [`Probe::JsonValue`].
    Value {
        /// The value, trimmed.
        #[schemars(length(max = 1024))]
        value: String,
    },
    /// Answer to [`Probe::SecretDigest`].
    Digest {
        /// Lower-case hexadecimal.
        #[schemars(length(max = 64))]
        sha256: String,
    },
    /// Answer to [`Probe::FlagLine`] and [`Probe::Word`].
    Flag {
        /// Whether the word stands there, not commented out.
        set: bool,
    },
    /// Answer to [`Probe::RegistrySubkeys`].
    Subkeys {
        /// Sub-key name to its string values.
        #[schemars(extend("maxProperties" = 64))]
        subkeys: BTreeMap<String, BTreeMap<String, String>>,
    },
    /// Answer to [`Probe::Service`].
    Service {
        /// Running or stopped.
        state: RunState,
        /// What starts it.
        start: StartType,
    },
    /// Answer to [`Probe::Processes`].
    Processes {
        /// Program names, sorted.
        #[schemars(length(max = 128), inner(length(max = 260)))]
        running: Vec<String>,
    },
    /// Answer to [`Probe::Pool`].
    Pool {
        /// Running or stopped.
        state: RunState,
    },
    /// Answer to [`Probe::SitesServing`], [`Probe::Folders`], [`Probe::ChangedFiles`] and [`Probe::HostAddresses`].
    Names {
        /// The names, sorted; at most the first 64.
        #[schemars(length(max = 64), inner(length(max = 260)))]
        names: Vec<String>,
    },
    /// Answer to [`Probe::FastCgiHandlers`].
    Handlers {
        /// Programs in the folder.
        programs: i32,
        /// Of these, programs with a handler.
        mapped: i32,
        /// Programs without a handler, sorted.
        #[schemars(length(max = 64), inner(length(max = 260)))]
        missing: Vec<String>,
        /// Programs whose handler does not accept the verb `OPTIONS`, sorted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[schemars(length(max = 64), inner(length(max = 260)))]
        without_options: Vec<String>,
    },
    /// Answer to [`Probe::NumberedFiles`].
    Numbered {
        /// Files whose names begin with a number, wherever they lie.
        files: i64,
        /// Of these, files that lie in no sub-folder.
        loose: i64,
        /// Of these, files that lie in another sub-folder than the one of their number.
        misplaced: i64,
    },
    /// Answer to [`Probe::Url`].
    Url {
        /// HTTP status; 0 where no connection came about.
        status: i32,
    },
    /// Answer to [`Probe::MailRelay`].
    Relay {
        /// Whether the server took sender and recipient.
        accepted: bool,
        /// The reply on which that rests, or why no conversation came about.
        #[schemars(length(max = 512))]
        reply: String,
    },
    /// Answer to [`Probe::DataSource`].
    DataSource {
        /// The SQL Server that it names.
        #[schemars(length(max = 253))]
        server: String,
        /// The database that it names.
        #[schemars(length(max = 128))]
        database: String,
    },
    /// Answer to [`Probe::DiskFree`].
    DiskFree {
        /// Free bytes for the agent's account.
        free_bytes: i64,
    },
    /// Answer to [`Probe::FolderSize`].
    Size {
        /// Number of files.
        files: i64,
        /// Sum of their sizes in bytes.
        size_bytes: i64,
    },
}

/// One answer as it stands in a node's status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// [`Probe::id`] of the question.
    #[schemars(length(max = 1280))]
    pub id: String,
    /// What was seen.
    pub answer: Answer,
    /// When this answer was first seen; it is confirmed by every heartbeat that follows.
    pub since: Time,
}

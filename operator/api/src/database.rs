//! Facts read from a site's database: named values with their source, the sessions that are open on it, and the
//! backups that are running.

pub mod by_hand;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

/// What one reading of a site's database showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseFacts {
    /// When it was read.
    pub read_at: Time,
    /// Named values.
    #[schemars(length(max = 64))]
    pub facts: Vec<DatabaseFact>,
    /// Sessions on the database other than the operator's own, at most the first 64.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub sessions: Vec<Session>,
    /// Texts of the backups of this database that are running. A text with parameters does not name its file.
    #[serde(default)]
    #[schemars(length(max = 8), inner(length(max = 4096)))]
    pub backups_running: Vec<String>,
}

impl DatabaseFacts {
    /// The value of a named fact, if it was read and is there.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|fact| fact.name == name).and_then(|fact| fact.value.as_deref())
    }
}

/// One named value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseFact {
    /// Name, camelCase.
    #[schemars(length(max = 64))]
    pub name: String,
    /// Value as text; left out where the database has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub value: Option<String>,
    /// Table and column, for a person.
    #[schemars(length(max = 128))]
    pub source: String,
}

/// One session on the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Session id of SQL Server.
    pub id: i32,
    /// Machine that it comes from.
    #[schemars(length(max = 128))]
    pub host: String,
    /// Program name that it gave.
    #[schemars(length(max = 128))]
    pub program: String,
    /// Login.
    #[schemars(length(max = 128))]
    pub login: String,
}

/// Fact: when an object of the schema was last changed (RFC 3339). A schema change cannot hide from it.
pub const SCHEMA_MODIFIED_AT: &str = "schemaModifiedAt";
/// Fact: version of SQL Server, for example `11.0.7001`.
pub const SQL_SERVER_VERSION: &str = "sqlServerVersion";
/// Fact: size of the database in bytes.
pub const DATABASE_BYTES: &str = "databaseBytes";

/// Names of the facts of a SuperOffice database: the contract between the questions that read them and the planner.
pub mod superoffice {
    /// Fact: version of the database, from the one row of `company`.
    pub const DATABASE_VERSION: &str = "databaseVersion";
    /// Fact: version that the server tools wrote to `ProductVersion` (the highest row `ServerSetup`).
    pub const SERVER_SETUP_VERSION: &str = "serverSetupVersion";
    /// Fact: version of the structure in which the database describes itself, from the newest row of `DatabaseModel`. A
    /// database before 8.1 does not: it has no such table.
    pub const DATABASE_MODEL: &str = "databaseModel";
    /// Fact: version of Service as `upgrade.exe` recorded it in `config`.
    pub const SERVICE_VERSION: &str = "serviceVersion";
    /// Fact: when Service was installed or last upgraded (RFC 3339).
    pub const SERVICE_INSTALLED_AT: &str = "serviceInstalledAt";
    /// Fact: ending of the links that Service generates, `fcgi` or `exe`.
    pub const USE_EXTENSION: &str = "useExtension";
    /// Fact: when the scheduler last ran (RFC 3339).
    pub const SCHEDULER_HEARTBEAT: &str = "schedulerHeartbeat";
    /// Fact: folder of the attachments.
    pub const ATTACHMENT_PATH: &str = "attachmentPath";
    /// Facts: the paths that the database keeps of a Service instance, each with the column or row in which it stands
    /// (vendor: move-crm-server). Attachments have their own fact.
    pub const INSTANCE_PATHS: [(&str, &str); 9] = [
        ("textPath", "config.text_path"),
        ("templatePath", "config.template_path"),
        ("warningPath", "config.warning"),
        ("senderPath", "registry 1"),
        ("outboxPath", "registry 22"),
        ("logPath", "registry 40"),
        ("dbiPath", "registry 131"),
        ("authenticationPath", "registry 245"),
        ("imageResizerPath", "registry 284"),
    ];
    /// Fact: number of attachments that Service knows.
    pub const ATTACHMENTS: &str = "attachments";
    /// Fact: day until which maintenance is paid (RFC 3339 date); later releases refuse to install after it.
    pub const MAINTENANCE_TO: &str = "maintenanceTo";
    /// Fact: address of Service's programs, as Service itself writes it into links (`config.cgi_url`; vendor:
    /// move-crm-server, "the external URL").
    pub const CGI_URL: &str = "cgiUrl";
    /// Fact: address under which Service itself reaches its programs (`config.cgi_url_internal`).
    pub const CGI_URL_INTERNAL: &str = "cgiUrlInternal";
    /// Fact: path below the host at which Service's pages lie, `/` or `/service/` (row 109 of `registry`, WwwPath).
    pub const WWW_PATH: &str = "wwwPath";
    /// Fact: number of travellers that are out.
    pub const TRAVELLERS_OUT: &str = "travellersOut";
    /// Fact: number of satellites.
    pub const SATELLITES: &str = "satellites";
}

//! The local document that describes the world of a story. It is no custom resource: only the sandbox reads it.

mod by_hand;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crm_api::site::{Component, FastCgi};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::receiver::Webhook;
use crate::world::assumptions::Assumptions;
pub use crate::world::other_sites::OtherSite;
pub use by_hand::{ByHand, Deed, Moment};

/// `apiVersion` of a scenario.
pub const API_VERSION: &str = "sandbox.crm-operator.io/v1alpha1";
/// `kind` of a scenario.
pub const KIND: &str = "Scenario";

/// The world of a story.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// [`API_VERSION`].
    pub api_version: String,
    /// [`KIND`].
    pub kind: String,
    /// Its name.
    pub metadata: Metadata,
    /// The world.
    pub spec: ScenarioSpec,
}

/// What names a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Name of the story.
    pub name: String,
}

/// The world at its start, and what a person does to the site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScenarioSpec {
    /// When the story begins.
    pub start: Timestamp,
    /// File with the releases, relative to the scenario; several, where one does not hold all of them.
    #[serde(deserialize_with = "one_or_several")]
    pub catalogue: Vec<String>,
    /// JSON merge patch of the site's spec: what a person applies.
    #[serde(default)]
    pub then: serde_json::Value,
    /// How the story ends when nothing goes wrong.
    #[serde(default)]
    pub ends: Ends,
    /// Hours after the edit for which the story goes on although the goal is reached. Left out: it ends there.
    #[serde(default)]
    pub goes_on_hours: Option<i64>,
    /// The Windows servers, by the names of their `CrmNode`s.
    pub servers: Vec<Server>,
    /// To which server each host name leads, as DNS says. Left out: the site's host leads to whatever is asked for.
    #[serde(default)]
    pub hosts: BTreeMap<String, String>,
    /// Host names that lead to a reverse proxy: path to server, the longest path that fits counts.
    #[serde(default)]
    pub proxies: BTreeMap<String, BTreeMap<String, String>>,
    /// The SQL Server.
    pub sql_server: SqlServerMachine,
    /// The database at the start.
    pub database: Database,
    /// What names resolve to.
    #[serde(default)]
    pub names: BTreeMap<String, Vec<IpAddr>>,
    /// The mail servers.
    #[serde(default)]
    pub mail_servers: Vec<MailServer>,
    /// Mailboxes to which somebody can log in, by their addresses.
    #[serde(default)]
    pub mailboxes: Vec<String>,
    /// The other sites of the file. Everything else here is about its first one.
    #[serde(default)]
    pub other_sites: Vec<OtherSite>,
    /// Who approves and who attends.
    #[serde(default)]
    pub people: People,
    /// Who works with the site.
    #[serde(default)]
    pub users: Vec<User>,
    /// What somebody does to the servers without the operator.
    #[serde(default)]
    pub by_hand: Option<ByHand>,
    /// Who receives the notices of the site.
    #[serde(default)]
    pub webhook: Option<Webhook>,
    /// What goes wrong, as on the command line: `reboot-in-mid-step`, or `installer-hangs@upgrade-web`.
    #[serde(default)]
    pub faults: Vec<String>,
    /// Moments at which the crash sweep stops, by name.
    #[serde(default)]
    pub named_stops: Vec<String>,
    /// Other answers to what no vendor document says.
    #[serde(default)]
    pub assumptions: Assumptions,
}

/// How a story ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ends {
    /// The goal is reached and proved.
    #[default]
    Reached,
    /// Everything is taken back.
    BackedOut,
    /// Nothing goes on until a person acts.
    Halted,
    /// Something is waited for that nobody ends.
    Waiting,
    /// The site is told why there is no change.
    Refused,
}

/// A Windows server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Server {
    /// Name of its `CrmNode`.
    pub name: String,
    /// Product name of Windows.
    pub windows: String,
    /// Version of IIS, where it is installed.
    #[serde(default)]
    pub iis: Option<String>,
    /// Version of the .NET Framework.
    #[serde(default)]
    pub dot_net: Option<String>,
    /// Windows features, by name.
    #[serde(default)]
    pub features: Vec<String>,
    /// Installed updates, `KB...`.
    #[serde(default)]
    pub hotfixes: Vec<String>,
    /// Whether the agent has administrator rights.
    #[serde(default = "yes")]
    pub elevated: bool,
    /// Host names, besides its own, under which Service is registered on it (vendor: install/iis/reverse-proxy).
    #[serde(default)]
    pub service_hosts: Vec<String>,
    /// Whether its IIS sites answer over HTTPS.
    #[serde(default)]
    pub https: bool,
    /// Other installed programs, by name, with their versions.
    #[serde(default)]
    pub programs: BTreeMap<String, String>,
    /// 32-bit system data sources.
    #[serde(default)]
    pub data_sources: Vec<DataSource>,
    /// Text files that people have put there, by absolute path.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Whether Pocket Server 7 runs there.
    #[serde(default)]
    pub pocket_server: bool,
    /// Free disk.
    #[serde(default = "free_disk")]
    pub free_disk_mebibytes: i64,
    /// What is installed.
    #[serde(default)]
    pub components: Vec<Installed>,
}

/// A 32-bit system data source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DataSource {
    /// Its name.
    pub name: String,
    /// The SQL Server that it names.
    pub server: String,
    /// The database that it names.
    pub database: String,
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MailServer {
    /// Host name.
    pub name: String,
    /// Its port.
    #[serde(default = "smtp")]
    pub port: u16,
    /// Servers from which it takes mails for somebody outside.
    #[serde(default)]
    pub relays_for: Vec<String>,
}

fn smtp() -> u16 {
    25
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Files {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Files::deserialize(deserializer)? {
        Files::One(file) => vec![file],
        Files::Several(files) => files,
    })
}

fn yes() -> bool {
    true
}

fn free_disk() -> i64 {
    80_000
}

/// An installed component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Installed {
    /// The component.
    pub component: Component,
    /// Number of its release.
    pub number: String,
    /// Name of the site that it belongs to; left out: the first one of the file.
    #[serde(default)]
    pub site: Option<String>,
}

/// The SQL Server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqlServerMachine {
    /// Host name.
    pub name: String,
    /// Version, for example `11.0.7001`.
    pub version: String,
    /// Size of the site's database.
    pub database_mebibytes: i64,
}

/// The site's database at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Database {
    /// Number of its release.
    pub version: String,
    /// Whether Service answers by FastCGI; without a Service it says nothing.
    #[serde(default = "disabled")]
    pub fast_cgi: FastCgi,
    /// Travellers that are out.
    #[serde(default)]
    pub travellers_out: u32,
    /// Satellites.
    #[serde(default)]
    pub satellites: u32,
    /// Day until which maintenance is paid, `2027-06-30`.
    pub maintenance_to: jiff::civil::Date,
    /// Attachments that lie in one flat folder.
    #[serde(default)]
    pub attachments_flat: i64,
    /// Standard reports that people edited.
    #[serde(default)]
    pub edited_reports: u32,
    /// What is wrong with the FastCGI handlers, where FastCGI is in use.
    #[serde(default)]
    pub handlers: Handlers,
}

fn disabled() -> FastCgi {
    FastCgi::Disabled
}

/// FastCGI handlers that are not as `upgrade.exe` would set them up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Handlers {
    /// Programs without a handler.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Programs whose handler does not accept the verb `OPTIONS`.
    #[serde(default)]
    pub without_options: Vec<String>,
    /// Time-out that somebody set on every handler.
    #[serde(default)]
    pub activity_timeout_seconds: Option<u32>,
}

/// Who approves and who attends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct People {
    /// Names of those who approve.
    #[serde(default)]
    pub approver: Vec<String>,
    /// Names of those who attend.
    #[serde(default)]
    pub attendant: Vec<String>,
    /// Names of those who look at what has been halted for a while and say `Restore`.
    #[serde(default)]
    pub recoverer: Vec<String>,
    /// Names of those who look at what was left half done and say `Forward`.
    #[serde(default)]
    pub finisher: Vec<String>,
}

/// Somebody who works with the site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct User {
    /// Name.
    pub name: String,
    /// In which client.
    pub client: Client,
    /// Minutes until a Windows client is closed after its user was told, or after the site was closed. Users of Web and
    /// Service are out the moment it closes.
    #[serde(default = "leaves")]
    pub leaves_after_minutes: u32,
}

fn leaves() -> u32 {
    5
}

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Client {
    /// The Web client.
    Web,
    /// Service.
    Service,
    /// The Windows client: it speaks to the database itself.
    Win,
}

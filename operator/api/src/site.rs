//! `CrmSite`: one CRM installation of one customer. Its spec is the line in Git; its status is what the operator knows.

mod backup;
mod clients;
mod net_server;
mod policy;
mod reverse_proxy;
mod status;

pub use backup::{BackupSpec, OnHalt, RecoverySpec, RestoreTest, Verification};
pub use clients::{CustomerCentreTemplates, PocketServerSpec, PocketServerThen, StandardReports, WindowsClients};
pub use net_server::{NetServerMode, OwnNetServerSpec};
pub use policy::{
    ApprovalScope, ApprovalSpec, Blackout, Day, DriftAction, DriftClass, DriftPolicy, WeeklyWindow, WindowsSpec,
};
pub use reverse_proxy::ReverseProxy;
pub use status::{
    CrmSiteStatus, Finding, HalfDone, HopSummary, LastBackup, ObservedPart, Orphan, PartState, PlanSummary,
    RestoreOffer, Severity, SourceValue, StandingWord, VerifiedState, Waiting,
};

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names;
use crate::notice::NoticesSpec;
/// What a person declares: product, version, components, database and the rules under which it may change.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "crm-operator.io",
    version = "v1alpha1",
    kind = "CrmSite",
    namespaced,
    status = "CrmSiteStatus",
    derive = "PartialEq",
    cel,
    category = "crm",
    shortname = "crms",
    doc = "One CRM installation of one customer: a database and the Windows servers that work on it.",
    validation = Rule::new("size(self.metadata.name) <= 52").message("metadata.name: at most 52 characters, so that the names of its changes and backups fit; choose a shorter name"),
    printcolumn(name = "Product", type_ = "string", json_path = ".spec.product"),
    printcolumn(name = "Wanted", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Verified", type_ = "string", json_path = ".status.verified.version"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "UpToDate", type_ = "string", json_path = ".status.conditions[?(@.type==\"UpToDate\")].status"),
    printcolumn(name = "Drift", type_ = "string", json_path = ".status.drift"),
    printcolumn(name = "Why", type_ = "string", json_path = ".status.conditions[?(@.type==\"UpToDate\")].reason"),
    printcolumn(name = "Next Window", type_ = "string", json_path = ".status.nextWindow", priority = "1"),
    printcolumn(name = "Change", type_ = "string", json_path = ".status.change", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(self.product == 'SuperOffice') == has(self.superOffice)").message("superOffice: exactly one product block, the one of spec.product; add superOffice or change product"),
    validation = Rule::new("!has(self.superOffice) || !has(self.superOffice.netServer) || self.superOffice.netServer != 'Own' || self.components.exists(c, c.name == 'NetServer')").message("superOffice.netServer: Own needs a component NetServer; add it to components with its nodes, or declare Shared"),
    validation = Rule::new("!has(self.fastCgiHandlers) || self.fastCgiHandlers != 'Remove' || (has(self.fastCgi) && self.fastCgi == 'Disabled')").message("fastCgiHandlers: Remove needs fastCgi: Disabled, or links that end in .fcgi would lead nowhere; declare that as well, or take fastCgiHandlers away"),
    validation = Rule::new("self.product == oldSelf.product").message("product: cannot change; a site of another product is another CrmSite"),
    validation = Rule::new("self.database.server == oldSelf.database.server && self.database.name == oldSelf.database.name").message("database: server and name cannot change; a site is its database")
)]
pub struct CrmSiteSpec {
    /// Which CRM product this is.
    pub product: Product,
    /// The release that the site shall be at: a name or an alias from the catalogue, for example `8.0 SR6`.
    #[schemars(length(min = 1, max = 64))]
    pub version: String,
    /// Whether the product answers web requests by FastCGI. Left out: as observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast_cgi: Option<FastCgi>,
    /// What becomes of FastCGI handlers that exist where `fastCgi: Disabled` is declared. Left out: `Keep`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast_cgi_handlers: Option<FastCgiHandlers>,
    /// What runs where.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub components: Vec<Placement>,
    /// The database that makes the site a site.
    pub database: DatabaseSpec,
    /// What only a SuperOffice site has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub super_office: Option<SuperOfficeSpec>,
    /// Where the vendor's packages lie.
    pub media: MediaSpec,
    /// Where backups go and how far each is verified.
    pub backup: BackupSpec,
    /// What happens by itself when a change halts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoverySpec>,
    /// When changes may start. Left out: at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<WindowsSpec>,
    /// Who has to agree to what.
    #[serde(default)]
    pub approval: ApprovalSpec,
    /// Who is told when users will be out, that they are back, and how it ended. Left out: events of Kubernetes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notices: Option<NoticesSpec>,
    /// What is done about drift, by class. A class that is not named is reported.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["class".to_owned()]))]
    pub drift: Vec<DriftPolicy>,
}

/// A CRM product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Product {
    /// SuperOffice CRM on-site.
    SuperOffice,
}

/// Whether web requests are answered by FastCGI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FastCgi {
    /// A handler for every program, and links that end in `.fcgi`.
    Enabled,
    /// Links that end in `.exe`; handlers that exist stay, unless `fastCgiHandlers: Remove` is declared.
    Disabled,
}

/// What becomes of FastCGI handlers that nothing needs any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FastCgiHandlers {
    /// They stay: mails that were sent carry links that end in `.fcgi`, and those go on working (vendor: upgrade Service).
    Keep,
    /// They are taken away from every node, after links end in `.exe`. Links in mails that were sent before then lead nowhere.
    Remove,
}

/// A part of a product that is placed on nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Component {
    /// Server program files and the tools that upgrade the database.
    CrmServer,
    /// Web client with NetServer inside.
    Web,
    /// NetServer web services of their own, outside Web: the second setup type of Web's installer (vendor:
    /// install/netserver).
    NetServer,
    /// SuperOffice Service, formerly Customer Service.
    Service,
}

impl Component {
    /// Its name as it stands in manifests, and as a part of a site is called by it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CrmServer => "CrmServer",
            Self::Web => "Web",
            Self::NetServer => "NetServer",
            Self::Service => "Service",
        }
    }
}

/// One component and the nodes that carry it.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// The component.
    pub name: Component,
    /// Names of `CrmNode`s in the site's namespace.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 253)), transform = names::object_names)]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub nodes: Vec<String>,
}

/// The site's database on SQL Server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseSpec {
    /// Host name of the SQL Server, with `\INSTANCE` or `,PORT` where needed.
    #[schemars(length(min = 1, max = 253), transform = names::server_name)]
    pub server: String,
    /// Name of the database.
    #[schemars(length(min = 1, max = 128), transform = names::database_name)]
    pub name: String,
    /// Secret with the keys `username`, `password` and `servers`: the SQL Servers to which that login may be taken, spelled as in
    /// `server`, with spaces between them.
    pub credentials_ref: SecretRef,
    /// Who speaks to the SQL Server.
    #[serde(default)]
    pub access_from: AccessFrom,
}

/// The name of a Secret in the site's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253), transform = names::object_name)]
    pub name: String,
}

/// Who speaks to the SQL Server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum AccessFrom {
    /// The controller, over the network.
    Controller {},
}

impl Default for AccessFrom {
    fn default() -> Self {
        Self::Controller {}
    }
}

/// What only a SuperOffice site has. A field left out means "as observed" on a running site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuperOfficeSpec {
    /// Schema of the database, for example `CRM7`.
    #[schemars(length(min = 1, max = 32), regex(pattern = "^[A-Za-z][A-Za-z0-9_]*$"))]
    pub table_prefix: String,
    /// Host name by which browsers reach Service, and from 8.1 on Web as well; it also names the Service instance in the
    /// registry. Declared anew together with the step to 8.1 or later, it says where both go: the host of Service, the one
    /// of Web, or a new one. Which it is, is read from the site itself.
    #[schemars(length(min = 1, max = 253), transform = names::host_name)]
    pub host_name: String,
    /// Whether a reverse proxy stands before Web and Service. Left out: none does. From 8.1 on they need one where they are
    /// on different servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverse_proxy: Option<ReverseProxy>,
    /// Which NetServer Service talks to. Left out: as observed. Where it differs from what is seen, the next upgrade moves
    /// Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net_server: Option<NetServerMode>,
    /// Address of the NetServer that Service shall talk to, as its nodes reach it, up to the application:
    /// `http://contoso-app/sales`. Asked for only where an upgrade moves Service to another NetServer. The vendor supports
    /// HTTP only between Service and NetServer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 8, max = 512), regex(pattern = "^http://[^ /]+(/[^ ]*)?$"))]
    pub net_server_address: Option<String>,
    /// Where a NetServer of its own is installed and how IIS knows it.
    #[serde(default)]
    pub own_net_server: OwnNetServerSpec,
    /// File with the arguments of CrmSetup, on the first node of CRM Server (from 11). It holds passwords: whoever writes
    /// it lets administrators only read it, and deletes it afterwards. The operator only looks whether it names the
    /// site's database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 4, max = 1024), transform = names::local_path)]
    pub argument_file: Option<String>,
    /// Where Web is installed and how IIS knows it.
    #[serde(default)]
    pub web: WebSpec,
    /// Where Service is installed and how IIS and Windows know it.
    #[serde(default)]
    pub service: ServiceSpec,
    /// Whether the database step to 7.5 moves long texts into their new columns. Left out: as the vendor does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_move: Option<TextMoveChoice>,
    /// When `upgrade.exe` moves attachments into sub-folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Attachments>,
    /// Whether people go on working with Windows clients. Left out: as observed, by the clients that are connected when a
    /// change is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows_clients: Option<WindowsClients>,
    /// What becomes of Pocket Server 7, where one of the site's servers runs it. Left out: as the vendor's guide says, the
    /// phones are redirected and it is removed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pocket_server: Option<PocketServerSpec>,
    /// What the server's setup does with standard reports, where it asks. Left out: new ones only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_reports: Option<StandardReports>,
    /// Document archives (SO_ARC and more). They are too large to copy: a backup set holds a proof of them.
    #[serde(default)]
    #[schemars(length(max = 11), inner(length(min = 1, max = 1024)), transform = names::any_paths)]
    pub archives: Vec<String>,
}

/// What becomes of long texts when the database goes to 7.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TextMoveChoice {
    /// They are moved while the site is closed: many hours on a large Service database.
    DuringUpgrade,
    /// They are not moved (vendor: the environment variable `NOCLOBUPDATE`).
    Skipped,
}

/// What happens to attachments that still lie in one flat folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Attachments {
    /// They stay where they are; a condition shows the debt.
    Deferred,
    /// `upgrade.exe` moves them while the site is closed.
    DuringUpgrade,
    /// A change of its own moves them while the site stays open; an upgrade leaves them where they are.
    WhileOpen,
}

/// Where Web is installed. Fields left out take the vendor's usual place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebSpec {
    /// Program folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 4, max = 1024), transform = names::local_path)]
    pub path: Option<String>,
    /// Application path on the site's host, for example `/sales`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub application: Option<String>,
    /// Host name by which browsers reach Web, where it is another one than Service's (possible up to 8.0 only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"))]
    pub host_name: Option<String>,
    /// IIS application pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub pool: Option<String>,
    /// Windows service of the batch task server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub batch_service: Option<String>,
}

/// Where Service is installed. Fields left out take the vendor's usual place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpec {
    /// Base path of the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 4, max = 1024), transform = names::local_path)]
    pub path: Option<String>,
    /// Name of the IIS site in IIS manager; it is not the host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub iis_site: Option<String>,
    /// Path below the host at which browsers find Service: `/`, or `/service` where it shares its IIS site. Left out: as
    /// observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = "^/([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)?$"))]
    pub application: Option<String>,
    /// IIS application pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub pool: Option<String>,
    /// Windows service of the scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub scheduler: Option<String>,
    /// What the installer does with the templates of the public pages, where its release has a tick box for it. Left out:
    /// as the vendor does it, they get the standard design.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_centre: Option<CustomerCentreTemplates>,
    /// What a Service needs that is installed for the first time. Asked for only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<ServiceSetup>,
}

/// What a Service needs that is installed for the first time (vendor: install/service, prepare). Each is looked at from
/// its own node before anything is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSetup {
    /// Address of NetServer as the Service node reaches it, up to the application: `http://contoso-app/sales`. The vendor
    /// supports HTTP only between Service and NetServer.
    #[schemars(length(min = 8, max = 512), regex(pattern = "^http://[^ /]+(/[^ ]*)?$"))]
    pub net_server: String,
    /// Mail server that relays what the Service node sends.
    #[schemars(length(min = 1, max = 253))]
    pub smtp_host: String,
    /// Its port.
    #[serde(default = "smtp_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub smtp_port: i32,
    /// An address outside the company, to see whether the mail server relays: it is named as a recipient, and no mail is
    /// sent. Left out: an address at `example.com`, which nobody has (RFC 2606).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 254), regex(pattern = "^[^ <>@]+@[^ <>@]+$"))]
    pub relay_to: Option<String>,
    /// Address of the first mailbox, the one that takes bounces: `support@contoso.example`.
    #[schemars(length(min = 3, max = 254), regex(pattern = "^[^ <>@]+@[^ <>@]+$"))]
    pub mailbox: String,
    /// IP address to which the site's host name resolves.
    #[schemars(length(min = 2, max = 45), regex(pattern = "^[0-9A-Fa-f:.]+$"))]
    pub address: String,
    /// The 32-bit system DSN on the Service node that names the site's database.
    #[schemars(length(min = 1, max = 32))]
    pub odbc_dsn: String,
}

fn smtp_port() -> i32 {
    25
}

/// Where the vendor's packages lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaSpec {
    /// UNC path; releases name packages below it.
    #[schemars(length(min = 3, max = 512), transform = names::share_path)]
    pub location: String,
}

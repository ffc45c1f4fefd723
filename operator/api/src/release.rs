//! `CrmRelease`: one version of one product in the catalogue. Cluster-scoped and for administrators only, because a
//! command line in it runs elevated on servers.
//!
//! Versions are not semver: `rank` orders them, `aliases` name them, `from` lists the allowed predecessors.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names;
use crate::order::PromptAnswer;
use crate::site::{Component, Product};

/// One version of one product: predecessors, packages, prerequisites, quirks.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "crm-operator.io",
    version = "v1alpha1",
    kind = "CrmRelease",
    derive = "PartialEq",
    cel,
    category = "crm",
    shortname = "crmr",
    doc = "One version of one product in the catalogue: what may precede it, its packages, what it needs.",
    printcolumn(name = "Product", type_ = "string", json_path = ".spec.product"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Number", type_ = "string", json_path = ".spec.number"),
    printcolumn(name = "Rank", type_ = "integer", json_path = ".spec.rank", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(self.product == 'SuperOffice') == has(self.superOffice)").message("superOffice: exactly one product block, the one of spec.product; add superOffice or change product"),
    validation = Rule::new("!self.from.exists(v, v == self.version)").message("from: a release cannot be its own predecessor; remove it from the list"),
    validation = Rule::new("!has(self.fromSince) || self.fromSince != self.version").message("fromSince: a release cannot be its own predecessor; name an older one")
)]
pub struct CrmReleaseSpec {
    /// The product.
    pub product: Product,
    /// Name of the version, as the vendor writes it: `8.0 SR6`.
    #[schemars(length(min = 1, max = 64))]
    pub version: String,
    /// Number that programs and database of this release show: `8.0.6465`. Where the vendor publishes none, the name
    /// of the version stands here: no program shows it, so no site is taken for one at this release before an
    /// administrator has put in the real number.
    #[schemars(length(min = 1, max = 64))]
    pub number: String,
    /// Other names of the same release.
    #[serde(default)]
    #[schemars(length(max = 16), inner(length(min = 1, max = 64)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub aliases: Vec<String>,
    /// Place in the order of releases of this product; higher is newer.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub rank: i32,
    /// Whether the vendor released it for on-premises sites.
    #[serde(default = "yes")]
    pub on_site: bool,
    /// Versions from which one change may lead here, one by one. Nothing else may, but for `fromSince`.
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(min = 1, max = 64)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub from: Vec<String>,
    /// One change may lead here from this version and from every later one that is older than this release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub from_since: Option<String>,
    /// What the vendor ships, per component. Empty: sites can be at this release, but not be brought to it.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["component".to_owned()]))]
    pub packages: Vec<Package>,
    /// What the machines must have.
    #[serde(default)]
    pub requires: Requirements,
    /// What only a SuperOffice release has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub super_office: Option<SuperOfficeRelease>,
}

fn yes() -> bool {
    true
}

/// What the vendor ships for one component, and how it is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    /// The component.
    pub component: Component,
    /// Path below the site's media location.
    #[schemars(length(min = 1, max = 512), transform = names::relative_path)]
    pub file: String,
    /// sha256 of that file, lower-case hexadecimal.
    #[schemars(length(min = 64, max = 64), regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Program inside the package that starts the installation.
    #[schemars(length(min = 1, max = 256), regex(pattern = r"\.exe$"), transform = names::relative_path)]
    pub program: String,
    /// How the program is run to upgrade what is installed.
    pub method: Method,
    /// How the program is run on a server that does not have the component yet. Left out: a missing component cannot
    /// be installed with this release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install: Option<Method>,
    /// Expected minutes.
    #[schemars(range(min = 1, max = 1440))]
    pub minutes: i32,
    /// Minutes after which a run is overdue.
    #[schemars(range(min = 1, max = 2880))]
    pub limit_minutes: i32,
}

/// How an installer is run. The vendor documents no unattended mode for most; then a person runs it, or the
/// administrator who wrote this release declares a command line and answers for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Method {
    /// A person runs it, told exactly what to do. The step ends when the evidence appears.
    Attended {
        /// What to do, sentence by sentence.
        #[schemars(length(min = 1, max = 32), inner(length(min = 1, max = 512)))]
        instructions: Vec<String>,
    },
    /// The agent runs it with these arguments.
    CommandLine {
        /// Arguments, one by one. Never a secret. `{instancePath}` stands for the base path of the site's Service instance:
        /// with it, this command line is taken to select one of several on a server; without it, a person runs the
        /// installer there, since a silent run takes the first one that it finds.
        #[schemars(length(max = 64), inner(length(max = 1024)))]
        arguments: Vec<String>,
        /// Who says that this command line works unattended: the vendor's page, or who tried it and when.
        #[schemars(length(min = 1, max = 512))]
        declared_by: String,
    },
}

/// What the machines must have. A field left out demands nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Requirements {
    /// Windows products that the vendor supports, for example `Windows Server 2012 R2`.
    #[serde(default)]
    #[schemars(length(max = 16), inner(length(max = 128)))]
    pub windows: Vec<String>,
    /// SQL Server major versions that the vendor supports, for example `11` (2012).
    #[serde(default)]
    #[schemars(length(max = 16), inner(length(max = 16)))]
    pub sql_server: Vec<String>,
    /// Lowest .NET Framework version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub dot_net: Option<String>,
    /// Windows features that web nodes need (`Web-CGI`, `Web-Metabase`).
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(max = 128)))]
    pub features: Vec<String>,
    /// Free disk per node, in mebibytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000_000))]
    pub free_disk_mebibytes: Option<i32>,
}

/// What only a SuperOffice release has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuperOfficeRelease {
    /// Name of the web services in NetServer's addresses: `services82`. Left out before NetServer had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub services_endpoint: Option<String>,
    /// Whether the vendor demands all main components (CRM Server, Web with NetServer, Service) at this release, even
    /// where a customer uses one client only (vendor: upgrade 7.5 to 8, crm-server; from 8.0).
    #[serde(default)]
    pub full_stack: bool,
    /// Whether NetServer answers `GET /api` with its version, without a login (from 8.1; vendor: web-services/endpoints).
    /// Then it is only at this release once that answer says so.
    #[serde(default)]
    pub rest_api: bool,
    /// Whether the database describes itself in the table `DatabaseModel` (from 8.1; vendor: database/dictionary). Then its
    /// upgrade is only over once there is such a description. Which steps it holds is told by a login only.
    #[serde(default)]
    pub dictionary: bool,
    /// Whether CrmSetup is the tool of CRM Server. It replaces ServerSetup and leaves no entry in Windows' list of programs
    /// (from 11.6; vendor: install/database, crmsetup-and-crmtask). Its arguments may contain `{argumentFile}`.
    #[serde(default)]
    pub crm_setup: bool,
    /// Whether browsers must reach Web and Service on one domain (from 8.1; vendor: upgrade to 8.1).
    #[serde(default)]
    pub one_domain: bool,
    /// Whether Web and Service must be served over HTTPS (from 10.2.5; vendor: install, Web client).
    #[serde(default)]
    pub https: bool,
    /// Whether Service needs Microsoft's WebView2 runtime (from 11; vendor: install, Service).
    #[serde(default)]
    pub web_view2: bool,
    /// Whether `upgrade.exe` asks for the symmetric key and secret where Service's `config` has none (from 8.4 R04;
    /// vendor: install/service). No order carries a secret: there a person runs it.
    #[serde(default)]
    pub asks_for_keys: bool,
    /// Whether Web runs NetServer in its own process only (from 10.1.2; vendor: remote NetServer for Web). A Web that works
    /// through a remote NetServer is converted before.
    #[serde(default)]
    pub in_process_only: bool,
    /// What this release no longer has, each in words for whoever approves: `Web Reporter`.
    #[serde(default)]
    #[schemars(length(max = 8), inner(length(min = 1, max = 128)))]
    pub drops: Vec<String>,
    /// The move of long texts that the database step of this release makes (7.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_move: Option<TextMove>,
    /// The Windows client of this release. Left out: it has none (from 11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows_client: Option<WindowsClient>,
    /// What Pocket Server 7 is to this release. Left out: phones work through it (up to 7.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pocket_server: Option<PocketServer>,
    /// The choice of the server's setup about standard reports. Left out: it does not ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_reports: Option<ReportsChoice>,
    /// Words of the tick box with which the installer of Service asks about the templates of the public pages:
    /// `Install/overwrite customer center templates`. Left out: it does not ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub customer_centre_box: Option<String>,
    /// The questions of `upgrade.exe` by their text. The vendor documents that it asks, not in which words: whoever
    /// writes the release declares them. Answers may contain `{siteName}`, `{fastCgi}`, `{attachments}`.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub upgrade_questions: Vec<PromptAnswer>,
    /// Texts in the output of `upgrade.exe` that mean failure.
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(min = 1, max = 256)))]
    pub upgrade_failure_texts: Vec<String>,
    /// Expected minutes of `upgrade.exe`, without attachments.
    #[serde(default = "upgrade_minutes")]
    #[schemars(range(min = 1, max = 1440))]
    pub upgrade_minutes: i32,
}

fn upgrade_minutes() -> i32 {
    10
}

/// A move of long texts into other columns, which the vendor lets one skip by an environment variable
/// (vendor: documentation 7, upgrade to 7.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TextMove {
    /// The variable that skips it when it is `TRUE`.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[A-Z][A-Z0-9_]*$"))]
    pub skip_variable: String,
    /// Expected minutes that it adds to the database step.
    #[schemars(range(min = 1, max = 2880))]
    pub minutes: i32,
}

/// The Windows client of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowsClient {
    /// Its installer in the folder `Client` of CRM Server: `SuperOffice8.exe` (vendor: install, Windows client). Left out:
    /// not published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 5, max = 128), regex(pattern = r"\.exe$"), transform = names::relative_path)]
    pub setup: Option<String>,
    /// Program name that it gives to SQL Server. The vendor documents none: whoever writes the release has looked at the
    /// sessions of a database.
    #[schemars(length(min = 1, max = 128))]
    pub session: String,
    /// Who may use it.
    #[serde(default)]
    pub users: ClientUsers,
}

/// Who may use a Windows client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClientUsers {
    /// Everybody (up to 8.5).
    #[default]
    Everybody,
    /// Administrators only (9 and 10; vendor: upgrade to 9): clients of everybody else are uninstalled once Web serves.
    Administrators,
}

/// What Pocket Server 7 is to a release (vendor: pocket-crm, upgrade to 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PocketServer {
    /// Not needed any more: phones speak to NetServer (from 8.0).
    Obsolete,
    /// Phones of Pocket CRM cannot log in (from 10).
    Refused,
}

/// What is chosen in the server's setup about standard reports. The same words stand for `{reports}` in the arguments of
/// its command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportsChoice {
    /// For new reports only.
    #[schemars(length(min = 1, max = 128))]
    pub new_only: String,
    /// For all of them.
    #[schemars(length(min = 1, max = 128))]
    pub upgrade_all: String,
}

impl CrmReleaseSpec {
    /// Whether a person means this release by that name.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.version == name || self.number == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// Whether one change may lead from another release here. `catalogue` tells which release `fromSince` means.
    pub fn may_follow<'a>(&self, before: &Self, catalogue: impl IntoIterator<Item = &'a Self>) -> bool {
        if before.rank >= self.rank {
            return false;
        }
        let since = self.from_since.as_deref();
        let since = since.and_then(|name| catalogue.into_iter().find(|release| release.is_called(name)));
        since.is_some_and(|since| since.rank <= before.rank) || self.from.iter().any(|name| before.is_called(name))
    }

    /// The package of a component.
    #[must_use]
    pub fn package(&self, component: Component) -> Option<&Package> {
        self.packages.iter().find(|package| package.component == component)
    }
}

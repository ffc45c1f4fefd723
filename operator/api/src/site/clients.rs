//! What a SuperOffice site has beside its servers: Windows clients, Pocket Server 7, standard reports, public pages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names;

/// Whether people go on working with Windows clients after an upgrade. Clients are programs on people's own machines and
/// no nodes (vendor: upgrade scenarios 7.5 to 8, "only if you are going to use"). A release that has none for them
/// (from 9) ends their use whatever stands here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WindowsClients {
    /// They do: the client share and its transform are published for the new release after the database step, and how many
    /// clients were brought to it is attested once the site is open.
    Kept,
    /// They work in Web from then on: those whose client is still connected are named to the approver and told, and named
    /// again while one still connects afterwards.
    NotKept,
}

/// Pocket Server 7, which is obsolete from 8.0 (vendor: pocket-crm, upgrade to 8). It is found by its Windows service, on
/// the site's own servers. Fields left out take the vendor's usual place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PocketServerSpec {
    /// What becomes of it with the first release that does not need it.
    #[serde(default)]
    pub then: PocketServerThen,
    /// Address of NetServer as phones reach it, up to the name of the web services, which follows the release:
    /// `https://crm.contoso.example/netserver`. Asked for only where phones have to be redirected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 8, max = 512), regex(pattern = "^https?://[^ /]+(/[^ ]*)?$"))]
    pub net_server: Option<String>,
    /// Windows service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub service: Option<String>,
    /// Its file `server.properties`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 4, max = 1024), transform = names::local_path)]
    pub properties: Option<String>,
}

/// What becomes of Pocket Server 7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PocketServerThen {
    /// Its phones are told where NetServer is once the site is open; a condition stays until somebody has uninstalled it.
    #[default]
    RedirectThenRemove,
    /// It stays as it is. A release that lets no phone in (from 10) is refused meanwhile.
    Keep,
}

/// What the server's setup does with the vendor's standard reports (vendor: upgrade 7.5 to 8, crm-server).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StandardReports {
    /// It adds new ones; those that people edited stay as they are.
    #[default]
    NewOnly,
    /// It replaces all of them: the vendor's own default, which overwrites what people edited.
    UpgradeAll,
}

/// What the installer of Service does with the templates of the public pages, where it asks (vendor: install Service).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CustomerCentreTemplates {
    /// Its box stays without a tick: the pages keep the design that they have.
    Keep,
    /// Its box is ticked: the pages get the vendor's standard design, and the former templates are kept beside it.
    Overwrite,
}

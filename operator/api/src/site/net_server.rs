//! The NetServer that Service works through: the one inside Web, or one of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names;

/// Which NetServer Service talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NetServerMode {
    /// The one inside Web ("Expose NetServer web services"). A NetServer that is declared as a component beside it is
    /// stopped for good by the next upgrade, and a person uninstalls it at the end.
    Shared,
    /// One of its own: the component `NetServer`.
    Own,
}

/// Where a NetServer of its own is installed. Fields left out follow the name that the vendor suggests for its application
/// (vendor: install/netserver): `SuperOfficeNetServer`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnNetServerSpec {
    /// Program folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 4, max = 1024), transform = names::local_path)]
    pub path: Option<String>,
    /// Application path in IIS, for example `/SuperOfficeNetServer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 256), regex(pattern = "^/[^ ]+$"))]
    pub application: Option<String>,
    /// IIS application pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub pool: Option<String>,
    /// Its entry in Windows' list of installed programs. No document names it: left out, its library alone tells its
    /// version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub program: Option<String>,
}

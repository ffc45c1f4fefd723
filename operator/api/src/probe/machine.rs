//! The machine itself, and what runs on it, as an agent sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine as its agent sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Product name of Windows, for example `Windows Server 2012 R2`.
    #[schemars(length(max = 128))]
    pub windows: String,
    /// Version of IIS, for example `8.5`; left out where IIS is not installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub iis: Option<String>,
    /// Version of the .NET Framework, for example `4.5.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub dot_net: Option<String>,
    /// IIS features that are installed, by Windows feature name (`Web-CGI`, `Web-Metabase`).
    #[serde(default)]
    #[schemars(length(max = 128), inner(length(max = 128)))]
    pub features: Vec<String>,
    /// Whether the agent runs with administrator rights.
    pub elevated: bool,
    /// Changes with every start of Windows.
    #[schemars(length(max = 64))]
    pub boot_id: String,
    /// Whether Windows waits for a restart.
    pub reboot_pending: bool,
    /// Installed updates, `KB...`.
    #[serde(default)]
    #[schemars(length(max = 256), inner(length(max = 32)))]
    pub hotfixes: Vec<String>,
}

/// State of a service or of an application pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RunState {
    /// Serving.
    Running,
    /// Not serving, no process of its own left.
    Stopped,
}

/// What starts a Windows service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StartType {
    /// Windows, at boot.
    Automatic,
    /// Somebody, when needed.
    Manual,
    /// Nobody may.
    Disabled,
}

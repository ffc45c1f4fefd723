//! What somebody does to the servers without the operator: what they leave half done, and what a remedy asks for.

use serde::{Deserialize, Serialize};

/// What somebody does to the servers without the operator, all at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ByHand {
    /// Who.
    pub who: String,
    /// When.
    pub when: Moment,
    /// Number of the release that they bring.
    #[serde(default)]
    pub to: String,
    /// What they do.
    pub does: Vec<Deed>,
}

/// A moment of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
    /// The site has settled; what a person declares follows when the agents have looked again.
    AtRest,
    /// The declared change was taken back.
    AfterBackOut,
    /// The declared change is refused: somebody does what the remedy says.
    WhenRefused,
}

/// One thing that somebody does by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "each says what it does, and `node` where")]
pub enum Deed {
    /// CRM Server's programs and the schema of the database.
    UpgradeDatabase {},
    /// Web with NetServer inside, started again.
    UpgradeWeb { node: String },
    /// The files of Service; `upgrade.exe` is forgotten.
    UpgradeServiceFiles { node: String },
    /// The line `frozen` in Service's configuration.
    Freeze { node: String },
    /// Stops the site's scheduler; its start type stays.
    StopScheduler { node: String },
    /// The site's scheduler on one more server.
    StartSecondScheduler { node: String },
    /// Every traveller comes home.
    BringTravellersHome {},
    /// A certificate for the IIS sites, which answer over HTTPS from then on.
    ServeHttps { node: String },
    /// Another version of the .NET Framework.
    InstallDotNet { node: String, version: String },
    /// A Windows feature.
    AddFeature { node: String, feature: String },
    /// A program that is none of the product.
    InstallProgram { node: String, name: String, version: String },
    /// A text file.
    WriteFile { node: String, path: String, text: String },
}

impl std::fmt::Display for Deed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UpgradeDatabase {} => formatter.write_str("upgrades CRM Server and the database"),
            Self::UpgradeWeb { node } => write!(formatter, "upgrades Web on {node}"),
            Self::UpgradeServiceFiles { node } => {
                write!(formatter, "upgrades the files of Service on {node}, and forgets upgrade.exe")
            }
            Self::Freeze { node } => write!(formatter, "freezes Service on {node}, and goes home"),
            Self::StopScheduler { node } => write!(formatter, "stops the scheduler on {node}"),
            Self::StartSecondScheduler { node } => write!(formatter, "starts the scheduler on {node} as well"),
            Self::BringTravellersHome {} => formatter.write_str("calls every traveller home"),
            Self::ServeHttps { node } => write!(formatter, "binds a certificate to the IIS sites of {node}"),
            Self::InstallDotNet { node, version } => write!(formatter, "installs .NET Framework {version} on {node}"),
            Self::AddFeature { node, feature } => write!(formatter, "adds the Windows feature {feature} on {node}"),
            Self::InstallProgram { node, name, version } => write!(formatter, "installs {name} {version} on {node}"),
            Self::WriteFile { node, path, .. } => write!(formatter, "writes {path} on {node}"),
        }
    }
}

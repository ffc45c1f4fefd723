//! The closed list of questions that an agent can answer about its machine, and the answers.
//!
//! A probe changes nothing and names no product: paths, service names and registry keys are data of the site or of the
//! release. Each probe has a readable [`Probe::id`] under which its answer is reported.

mod answer;
mod machine;

pub use answer::{Answer, Observation};
pub use machine::{Machine, RunState, StartType};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One question about one Windows machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Probe {
    /// The machine itself: Windows, IIS and .NET versions, rights of the agent, boot id, pending reboot, hotfixes.
    Machine {},
    /// An entry in the list of installed programs, found by its display name.
    Program {
        /// Display name, exact.
        #[schemars(length(max = 256))]
        name: String,
    },
    /// The version resource of a program file or library.
    FileVersion {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        path: String,
    },
    /// Size and sha256 of a file.
    FileHash {
        /// Absolute Windows path or UNC path.
        #[schemars(length(max = 1024))]
        path: String,
    },
    /// One key of an ini file.
    IniValue {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        path: String,
        /// Section, without brackets.
        #[schemars(length(max = 128))]
        section: String,
        /// Key, compared without regard to case.
        #[schemars(length(max = 128))]
        key: String,
    },
    /// One key of a file of `key = value` lines, in which `#` starts a comment.
    ConfigValue {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        path: String,
        /// Key, exact.
        #[schemars(length(max = 128))]
        key: String,
    },
    /// Whether a bare word stands on a line of its own in a configuration file, not commented out.
    FlagLine {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        path: String,
        /// The bare word.
        #[schemars(length(max = 128))]
        line: String,
    },
    /// Whether a word stands in a table of lines, for example a scheduler's, in which `#` starts a comment.
    Word {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        path: String,
        /// The word, compared without regard to case.
        #[schemars(length(max = 253))]
        word: String,
    },
    /// One key of a section of a .NET configuration file (`web.config`). An encrypted section is unreadable, never absent.
    XmlValue {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        path: String,
        /// Elements below `configuration`, separated by `/`.
        #[schemars(length(max = 256))]
        section: String,
        /// Key, compared without regard to case.
        #[schemars(length(max = 128))]
        key: String,
    },
    /// The digest of a secret that stands in a configuration file, so that two can be compared: sha256 of the salt, a line
    /// feed and the value. The value never leaves the machine. An encrypted section is unreadable, never absent.
    SecretDigest {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        path: String,
        /// Elements below `configuration` of a .NET configuration file, separated by `/`; left out for a file of
        /// `key = value` lines.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 256))]
        section: Option<String>,
        /// Key, compared as its kind of file does.
        #[schemars(length(max = 128))]
        key: String,
        /// What makes digests of this site useless elsewhere.
        #[schemars(length(max = 512))]
        salt: String,
    },
    /// The sub-keys of a registry key, with their string values.
    RegistrySubkeys {
        /// Full path, from the hive on.
        #[schemars(length(max = 512))]
        key: String,
    },
    /// State and start type of a Windows service.
    Service {
        /// Service name, exact.
        #[schemars(length(max = 256))]
        name: String,
    },
    /// The programs running from a folder or below it.
    Processes {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        folder: String,
    },
    /// State of an IIS application pool.
    Pool {
        /// Name in IIS manager.
        #[schemars(length(max = 256))]
        name: String,
    },
    /// The IIS sites that serve a folder, by their names in IIS manager.
    SitesServing {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        folder: String,
    },
    /// The FastCGI handlers of an IIS site, compared with the programs in the folder that it serves.
    FastCgiHandlers {
        /// Name in IIS manager.
        #[schemars(length(max = 256))]
        site: String,
        /// The folder whose `.exe` files each need a handler.
        #[schemars(length(max = 1024))]
        folder: String,
    },
    /// A GET request from this machine; nothing of the body is kept.
    Url {
        /// `http://` or `https://`.
        #[schemars(length(max = 1024))]
        url: String,
    },
    /// One key of the JSON object with which a GET request from this machine is answered; nothing else of it is kept.
    JsonValue {
        /// `http://` or `https://`.
        #[schemars(length(max = 1024))]
        url: String,
        /// Key at the top level of the object, exact.
        #[schemars(length(max = 128))]
        key: String,
    },
    /// Whether a mail server would take a mail from this machine for somebody outside. No mail is sent: the conversation
    /// ends after the recipient was named.
    MailRelay {
        /// Name or address of the mail server.
        #[schemars(length(max = 253))]
        host: String,
        /// Its port.
        #[schemars(range(min = 1, max = 65535))]
        port: i32,
        /// Address that the mail would come from.
        #[schemars(length(max = 254))]
        from: String,
        /// Address that it would go to.
        #[schemars(length(max = 254))]
        to: String,
    },
    /// The IP addresses to which a name resolves on this machine.
    HostAddresses {
        /// The name.
        #[schemars(length(max = 253))]
        name: String,
    },
    /// A 32-bit system data source (ODBC): which server and which database it names, and nothing else of it.
    DataSource {
        /// Its name (DSN).
        #[schemars(length(max = 32))]
        name: String,
    },
    /// Free room on the volume or share of a path.
    DiskFree {
        /// Absolute Windows path or UNC path.
        #[schemars(length(max = 1024))]
        path: String,
    },
    /// Number of files and bytes below a folder.
    FolderSize {
        /// Absolute Windows path or UNC path.
        #[schemars(length(max = 1024))]
        path: String,
    },
    /// The sub-folders of a folder whose names begin with a prefix.
    Folders {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        path: String,
        /// Prefix of the names.
        #[schemars(length(max = 128))]
        prefix: String,
    },
    /// The files of a store whose names begin with a number, against the numbered sub-folder that each belongs into: with
    /// 10,000 per folder the first 10,000 numbers lie in the folder `prefix` + `0`, the next in `prefix` + `1`.
    NumberedFiles {
        /// Absolute Windows path or UNC path.
        #[schemars(length(max = 1024))]
        path: String,
        /// What the names of the sub-folders begin with, before their own number.
        #[schemars(length(max = 128))]
        prefix: String,
        /// Numbers that share a folder (1 or more).
        #[schemars(range(min = 1))]
        per_folder: i32,
    },
    /// Files below a folder whose content differs from that in a reference folder.
    ChangedFiles {
        /// Absolute Windows path.
        #[schemars(length(max = 1024))]
        path: String,
        /// Absolute Windows path of the folder to compare with.
        #[schemars(length(max = 1024))]
        reference: String,
    },
}

impl Probe {
    /// The readable, stable name of this question; equal probes have equal ids, different probes different ones.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Machine {} => "machine".to_owned(),
            Self::Program { name } => format!("program:{name}"),
            Self::FileVersion { path } => format!("fileVersion:{path}"),
            Self::FileHash { path } => format!("fileHash:{path}"),
            Self::IniValue { path, section, key } => format!("iniValue:{path}[{section}]{key}"),
            Self::ConfigValue { path, key } => format!("configValue:{path}#{key}"),
            Self::FlagLine { path, line } => format!("flagLine:{path}#{line}"),
            Self::Word { path, word } => format!("word:{path}#{word}"),
            Self::XmlValue { path, section, key } => format!("xmlValue:{path}[{section}]{key}"),
            Self::SecretDigest { path, section, key, salt } => {
                format!("secretDigest:{path}[{}]{key}/{salt}", section.as_deref().unwrap_or_default())
            }
            Self::RegistrySubkeys { key } => format!("registrySubkeys:{key}"),
            Self::Service { name } => format!("service:{name}"),
            Self::Processes { folder } => format!("processes:{folder}"),
            Self::Pool { name } => format!("pool:{name}"),
            Self::SitesServing { folder } => format!("sitesServing:{folder}"),
            Self::FastCgiHandlers { site, folder } => format!("fastCgiHandlers:{site}:{folder}"),
            Self::Url { url } => format!("url:{url}"),
            Self::JsonValue { url, key } => format!("jsonValue:{url}#{key}"),
            Self::MailRelay { host, port, from, to } => format!("mailRelay:{host}:{port}:{from}>{to}"),
            Self::HostAddresses { name } => format!("hostAddresses:{name}"),
            Self::DataSource { name } => format!("dataSource:{name}"),
            Self::DiskFree { path } => format!("diskFree:{path}"),
            Self::FolderSize { path } => format!("folderSize:{path}"),
            Self::Folders { path, prefix } => format!("folders:{path}\\{prefix}*"),
            Self::NumberedFiles { path, prefix, per_folder } => format!("numberedFiles:{path}\\{prefix}*/{per_folder}"),
            Self::ChangedFiles { path, reference } => format!("changedFiles:{path}:{reference}"),
        }
    }
}

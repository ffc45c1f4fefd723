//! `CrmBackup`: everything one moment of a site needs to come back, tagged with its release.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::order::FileRecord;
use crate::site::Verification;

/// Which moment of which site.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "crm-operator.io",
    version = "v1alpha1",
    kind = "CrmBackup",
    namespaced,
    status = "CrmBackupStatus",
    derive = "PartialEq",
    cel,
    category = "crm",
    shortname = "crmb",
    doc = "A backup set: database, program files, registry, IIS and configuration of one moment of one site.",
    selectable = ".spec.site",
    printcolumn(name = "Site", type_ = "string", json_path = ".spec.site"),
    printcolumn(name = "Release", type_ = "string", json_path = ".spec.release"),
    printcolumn(name = "Verified", type_ = "string", json_path = ".status.conditions[?(@.type==\"Verified\")].status"),
    printcolumn(name = "Tier", type_ = "string", json_path = ".status.verification"),
    printcolumn(name = "Taken", type_ = "date", json_path = ".status.takenAt"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self == oldSelf").message("spec: a backup set is what it was when it was taken; it cannot be edited"))]
pub struct CrmBackupSpec {
    /// Name of the `CrmSite`.
    #[schemars(length(min = 1, max = 253))]
    pub site: String,
    /// Release of the site at that moment. A set is never offered across releases.
    #[schemars(length(min = 1, max = 64))]
    pub release: String,
    /// Whether the parts showed several releases at that moment. Such a set is kept for people, and never offered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mixed: bool,
    /// The change that took it.
    #[schemars(length(min = 1, max = 253))]
    pub change: String,
    /// Name of the database.
    #[schemars(length(min = 1, max = 128))]
    pub database: String,
    /// UNC path of the folder that holds it.
    #[schemars(length(min = 1, max = 1024))]
    pub location: String,
}

/// What the set holds and how far it is proven.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrmBackupStatus {
    /// Generation of the spec that this status speaks of; -1 before the first look.
    #[serde(default = "never_observed")]
    pub observed_generation: i64,
    /// `Verified`.
    #[serde(default)]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
    /// The database backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseBackup>,
    /// Everything else, with its hashes.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub files: Vec<BackupFile>,
    /// When writers had been stopped and the first part was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Time>,
    /// How far the database backup is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// By whom: SQL Server, or the decision of whoever attested it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 320))]
    pub verified_by: Option<String>,
}

fn never_observed() -> i64 {
    -1
}

impl Default for CrmBackupStatus {
    fn default() -> Self {
        Self {
            observed_generation: never_observed(),
            conditions: Vec::new(),
            database: None,
            files: Vec::new(),
            taken_at: None,
            verification: None,
            verified_by: None,
        }
    }
}

/// The header of a database backup, as SQL Server reads it from the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseBackup {
    /// UNC path of the file.
    #[schemars(length(max = 1024))]
    pub path: String,
    /// Database that the header names.
    #[schemars(length(max = 128))]
    pub database: String,
    /// When the backup was begun, by the header.
    pub started_at: Time,
    /// When it was over, by the header.
    pub finished_at: Time,
    /// Size in bytes, by the header.
    pub size_bytes: i64,
    /// Whether it carries checksums.
    pub checksums: bool,
    /// Last log sequence number, by the header: the exact moment.
    #[schemars(length(max = 64))]
    pub last_lsn: String,
}

/// One file of the set, on behalf of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupFile {
    /// Node that wrote it.
    #[schemars(length(max = 253))]
    pub node: String,
    /// The file.
    pub file: FileRecord,
}

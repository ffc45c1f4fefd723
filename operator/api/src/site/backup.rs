//! Where backup sets go, how far each is verified, and what happens by itself when a change halts.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names;

/// Where backups go and how far each is verified.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.restoreTest) || self.verification == 'RestoredAndChecked'").message("backup.restoreTest: only verification RestoredAndChecked restores the backup; write verification: RestoredAndChecked, or leave restoreTest out")
)]
pub struct BackupSpec {
    /// UNC path that every node and the SQL Server can write to.
    #[schemars(length(min = 3, max = 512), transform = names::share_path)]
    pub location: String,
    /// How far the database backup is verified before a schema change.
    #[serde(default)]
    pub verification: Verification,
    /// Who restores the backup for verification `RestoredAndChecked`. Left out: `OnServer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_test: Option<RestoreTest>,
    /// Largest store of attachments, in GiB, that is copied into the backup set of the change that moves them. A larger
    /// one needs a backup of its own, which a person attests. Left out: it is copied, however large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_048_576))]
    pub store_gibibytes_max: Option<i32>,
}

/// How far a database backup is verified, from the least to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Verification {
    /// V0: the file is there, and its header names this database and this time.
    FileExists,
    /// V1: it was written with checksums, and SQL Server said that it was written to its end.
    Checksums,
    /// V2: `RESTORE VERIFYONLY WITH CHECKSUM` has read it to its end. That does not look into the structure of the data.
    #[default]
    RestoreVerifyOnly,
    /// V3: it was restored to another database, and `DBCC CHECKDB` found no fault there.
    RestoredAndChecked,
}

impl Verification {
    /// Its name, as it stands in manifests and in conditions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FileExists => "FileExists",
            Self::Checksums => "Checksums",
            Self::RestoreVerifyOnly => "RestoreVerifyOnly",
            Self::RestoredAndChecked => "RestoredAndChecked",
        }
    }
}

/// Who restores a backup to prove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RestoreTest {
    /// The operator, on the site's own SQL Server, to a database of another name that it drops afterwards. The login needs
    /// the right to create databases, and the server room for a second copy.
    OnServer,
    /// A person, on whatever server, who then attests the step.
    Attested,
}

/// What happens by itself when a change halts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoverySpec {
    /// When a step has failed behind the point of no return and users are still out.
    pub on_halt: OnHalt,
}

/// What happens by itself when a change halts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnHalt {
    /// Nothing: a person decides, forward or restore.
    Halt,
    /// Everything is restored from the backup set of the change.
    Restore,
}

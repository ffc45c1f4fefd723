//! `CrmChange`: one execution of a plan for one hop on one site. Its spec is the pinned plan and never changes; its
//! status is the record: step results, evidence, decisions, times. The record survives the site.

mod record;

pub use record::{ChangePhase, CrmChangeStatus, StepPhase, StepResult};

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::Expectation;
use crate::order::Action;
use crate::site::{FastCgi, Placement, Verification};

/// The pinned plan of one hop.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "crm-operator.io",
    version = "v1alpha1",
    kind = "CrmChange",
    namespaced,
    status = "CrmChangeStatus",
    derive = "PartialEq",
    cel,
    category = "crm",
    shortname = "crmc",
    doc = "One execution of a plan for one hop on one site: its pinned steps, their results and the evidence.",
    selectable = ".spec.site",
    selectable = ".status.phase",
    printcolumn(name = "Site", type_ = "string", json_path = ".spec.site"),
    printcolumn(name = "Purpose", type_ = "string", json_path = ".spec.purpose"),
    printcolumn(name = "From", type_ = "string", json_path = ".spec.from"),
    printcolumn(name = "To", type_ = "string", json_path = ".spec.to"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Step", type_ = "string", json_path = ".status.step"),
    printcolumn(name = "Plan", type_ = "string", json_path = ".spec.planHash", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self == oldSelf").message("spec: a change is pinned and cannot be edited; edit the CrmSite, a new change follows"))]
// Two lists whose items have keys are equal in whatever order they are: the order is asked for by itself.
#[x_kube(validation = Rule::new("self.steps.map(step, step.id) == oldSelf.steps.map(step, step.id)").message("spec.steps: a change is pinned; its steps stay in their order"))]
pub struct CrmChangeSpec {
    /// Name of the `CrmSite`.
    #[schemars(length(min = 1, max = 253))]
    pub site: String,
    /// uid of that object.
    #[schemars(length(max = 64))]
    pub site_uid: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Release at which the site was proven before.
    #[schemars(length(max = 64))]
    pub from: String,
    /// Release that this change leads to; equal to `from` where only settings change.
    #[schemars(length(max = 64))]
    pub to: String,
    /// Number that every part shows before.
    #[schemars(length(max = 64))]
    pub from_number: String,
    /// Number that every part shows afterwards.
    #[schemars(length(max = 64))]
    pub to_number: String,
    /// FastCGI as it shall be afterwards; left out: as observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast_cgi: Option<FastCgi>,
    /// What runs where afterwards.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub components: Vec<Placement>,
    /// Parts that are not there yet and are installed, `Part@node`.
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(max = 320)))]
    pub installs: Vec<String>,
    /// The drift that it takes away, `Check` or `Check@node`; only where the purpose is a correction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 320)))]
    pub corrects: Vec<String>,
    /// The backup set that everything comes back from; only where the purpose is a restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restores: Option<Restores>,
    /// The change before this hop that left the site closed for it; users have been out since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub takes_over: Option<String>,
    /// Hash of this plan: what an approval names.
    #[schemars(length(max = 64))]
    pub plan_hash: String,
    /// Releases of the whole path that this hop belongs to, from where the site was before its first hop.
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(max = 64)))]
    pub path: Vec<String>,
    /// Hash of that path: what an approval of the whole path names.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub path_hash: String,
    /// Digest of the spec that it was made from.
    #[schemars(length(max = 64))]
    pub spec_digest: String,
    /// Whether the schema of the database changes: then there is a point of no return.
    pub schema_change: bool,
    /// Things that no other change may use at the same time.
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(max = 512)))]
    pub claims: Vec<String>,
    /// What whoever approves has to know beforehand.
    #[serde(default)]
    #[schemars(length(max = 16), inner(length(max = 1024)))]
    pub notices: Vec<String>,
    /// Conditions of the site that stay false after it until people have done what it leaves to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 64)))]
    pub owes: Vec<String>,
    /// The steps, in their order.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".to_owned()]))]
    pub steps: Vec<Step>,
}

/// What a restore brings back, and why it is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Restores {
    /// The `CrmBackup`.
    #[schemars(length(max = 253))]
    pub backup: String,
    /// The halted change that this restore ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub change: Option<String>,
}

/// What a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Purpose {
    /// To another release.
    Upgrade,
    /// Settings or components at the same release.
    Configure,
    /// What was verified comes back: drift is taken away.
    Correct,
    /// Everything comes back from one backup set.
    Restore,
    /// A site that was found half done is finished at the release that its furthest part shows.
    Forward,
}

/// The smallest unit that is started, judged and retried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Kind, and `@node` where a node carries it out: `upgrade-web@contoso-app`.
    #[schemars(length(min = 1, max = 128))]
    pub id: String,
    /// What it does, for a person.
    #[schemars(length(max = 256))]
    pub title: String,
    /// What other decisions know it by; left out: nothing but its own evidence depends on what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<StepRole>,
    /// Node concerned; left out for steps of the controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub node: Option<String>,
    /// Who does it, and what exactly.
    pub executor: Executor,
    /// Why it stands where it stands.
    #[schemars(length(max = 1024))]
    pub why: String,
    /// Ordering rules and sources behind that.
    #[serde(default)]
    #[schemars(length(max = 16), inner(length(max = 256)))]
    pub rules: Vec<String>,
    /// Steps that must be verified first.
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(max = 128)))]
    pub after: Vec<String>,
    /// What has to be passed before it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// Whether users feel it, from here on until the step that opens the site again.
    #[serde(default)]
    pub felt: Felt,
    /// Whether it destroys or transforms data or programs.
    #[serde(default)]
    pub destructive: bool,
    /// How it is taken back.
    pub undo: Undo,
    /// It is verified if all of these hold.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub evidence: Vec<Expectation>,
    /// Nothing of it has had an effect if all of these hold: only then it may be started again.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub absent_when: Vec<Expectation>,
    /// Parts that it takes to the new release, `Part` or `Part@node`.
    #[serde(default)]
    #[schemars(length(max = 16), inner(length(max = 128)))]
    pub moves: Vec<String>,
    /// Tries before a person is asked.
    #[schemars(range(min = 1, max = 10))]
    pub attempts_max: i32,
    /// Expected minutes.
    #[schemars(range(min = 0, max = 2880))]
    pub minutes: i32,
    /// Minutes after which it is overdue.
    #[schemars(range(min = 1, max = 2880))]
    pub limit_minutes: i32,
}

/// What a step is to the rest of its change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StepRole {
    /// Proves that nobody else works on the site: a backup that begins after it has all that people did.
    ProveAlone,
    /// Writes a part of the backup set. The set exists from the first of these on.
    BackUp,
    /// Records files that lie in the backup set already.
    RecordBackup,
    /// Restores the database backup elsewhere and checks it there.
    RestoreTest,
}

impl Step {
    /// Whether files that this step records belong to the backup set.
    #[must_use]
    pub fn is_of_backup(&self) -> bool {
        matches!(self.role, Some(StepRole::BackUp | StepRole::RecordBackup))
    }
}

/// Who does a step, and what exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Executor {
    /// The node's agent carries out these actions.
    Agent {
        /// In this order.
        #[schemars(length(min = 1, max = 64))]
        actions: Vec<Action>,
    },
    /// A person, told exactly what to do. It ends when the evidence appears.
    Attended {
        /// Sentence by sentence.
        #[schemars(length(min = 1, max = 32), inner(length(max = 512)))]
        instructions: Vec<String>,
    },
    /// The controller itself.
    Controller {
        /// What it does.
        task: Task,
    },
}

/// What the controller does itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Task {
    /// Runs the named checks against fresh facts; none may block.
    Preflight {},
    /// Tells people when users will be out and for how long.
    Notify {
        /// The sentence that they read.
        #[schemars(length(max = 512))]
        message: String,
    },
    /// Waits until the database shows no session but the operator's own.
    ProveAlone {},
    /// Backs the database up to a file of the set, with checksums. A new attempt replaces a broken file.
    BackUpDatabase {
        /// Folder for the file.
        #[schemars(length(max = 1024))]
        folder: String,
    },
    /// Proves that every part of the backup set is there and fit for a restore.
    VerifyBackup {
        /// How far the database backup is verified by this task; what goes further is a step of its own.
        #[serde(default)]
        verification: Verification,
    },
    /// Restores the database backup to a database of another name, checks it there (`DBCC CHECKDB`), and drops that
    /// database. A new attempt begins with dropping what an interrupted one has left.
    TestRestore {
        /// Path of the file.
        #[schemars(length(max = 1024))]
        path: String,
        /// Name of the database that is made for this and dropped. Never a site's own.
        #[schemars(length(min = 1, max = 128))]
        scratch: String,
    },
    /// Sets one named setting of the product in its database.
    SetDatabaseSetting {
        /// Name of the setting, which is also the name of the fact that shows it.
        #[schemars(length(max = 64))]
        setting: String,
        /// The value.
        #[schemars(length(max = 256))]
        value: String,
    },
    /// Proves that the file of a database backup is still the one that was recorded, and fit for a restore.
    CheckBackup {
        /// Path of the file.
        #[schemars(length(max = 1024))]
        path: String,
        /// Last log sequence number that its header names.
        #[schemars(length(max = 64))]
        last_lsn: String,
    },
    /// Restores the database from a file, over what is there.
    ///
    /// Done = the last restore of this database was of this very backup, begun no earlier than this try, and the
    /// database is online. A database that is still being restored counts as partial and may be restored again.
    RestoreDatabase {
        /// Path of the file.
        #[schemars(length(max = 1024))]
        path: String,
        /// Last log sequence number that its header names.
        #[schemars(length(max = 64))]
        last_lsn: String,
    },
    /// Compares every part with the release that it shall be at.
    VerifyVersions {},
    /// Nothing but to judge the step's evidence.
    Judge {},
}

/// What has to be passed before a step starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Gate {
    /// Approval of the plan.
    Approval,
    /// An open window with room for the rest and a restore.
    Window,
    /// Everything once more: backup re-read, database alone, facts as predicted, window. No way back behind it.
    PointOfNoReturn,
}

/// What users notice of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Felt {
    /// Nothing.
    #[default]
    No,
    /// They are out from here on.
    Closes,
    /// They are back from here on.
    Opens,
}

/// How a step is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Undo {
    /// Nothing to take back.
    Nothing {},
    /// The node's agent takes it back with these actions.
    Actions {
        /// In this order.
        #[schemars(length(min = 1, max = 16))]
        actions: Vec<Action>,
    },
    /// The controller writes the value back that the step has recorded as overwritten.
    Setting {},
    /// Only by restoring the backup set.
    Restore {},
}

/// Upper bound of a change, in bytes of JSON; checked when it is planned.
pub const CHANGE_BYTES_MAX: usize = 100 * 1024;

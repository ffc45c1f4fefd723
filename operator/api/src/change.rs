//! `CrmChange`: one execution of a plan for one hop on one site. Its spec is the pinned plan and never changes; its
//! status is the record: step results, evidence, decisions, times. The record survives the site.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::evidence::Expectation;
use crate::order::{Action, FileRecord, Outcome};
use crate::site::{FastCgi, ObservedPart, Waiting};

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
    printcolumn(name = "Site", type_ = "string", json_path = ".spec.site"),
    printcolumn(name = "From", type_ = "string", json_path = ".spec.from"),
    printcolumn(name = "To", type_ = "string", json_path = ".spec.to"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Step", type_ = "string", json_path = ".status.step"),
    printcolumn(name = "Plan", type_ = "string", json_path = ".spec.planHash", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self == oldSelf").message("spec: a change is pinned and cannot be edited; edit the CrmSite, a new change follows"))]
pub struct CrmChangeSpec {
    /// Name of the `CrmSite`.
    #[schemars(length(min = 1, max = 253))]
    pub site: String,
    /// uid of that object.
    #[schemars(length(max = 64))]
    pub site_uid: String,
    /// Release at which the site was proven before.
    #[schemars(length(max = 64))]
    pub from: String,
    /// Release that this change leads to; equal to `from` where only settings change.
    #[schemars(length(max = 64))]
    pub to: String,
    /// FastCGI as it shall be afterwards; left out: as observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast_cgi: Option<FastCgi>,
    /// Hash of this plan: what an approval names.
    #[schemars(length(max = 64))]
    pub plan_hash: String,
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
    /// The steps, in their order.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".to_owned()]))]
    pub steps: Vec<Step>,
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
    VerifyBackup {},
    /// Sets one named setting of the product in its database.
    SetDatabaseSetting {
        /// Name of the setting, which is also the name of the fact that shows it.
        #[schemars(length(max = 64))]
        setting: String,
        /// The value.
        #[schemars(length(max = 256))]
        value: String,
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
    /// Only by restoring the backup set.
    Restore {},
}

/// The record of a change.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrmChangeStatus {
    /// Generation of the spec that this status speaks of; -1 before the first look.
    #[serde(default = "never_observed")]
    pub observed_generation: i64,
    /// Where it stands, in a word. Derived; nothing is decided by it.
    #[serde(default)]
    pub phase: ChangePhase,
    /// Step that it stands at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub step: Option<String>,
    /// `Succeeded` and, while they apply, `Reconciling` and `Stalled`.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
    /// Results of the steps that were begun.
    #[serde(default)]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".to_owned()]))]
    pub steps: Vec<StepResult>,
    /// The decision that approved the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub approved_by: Option<String>,
    /// Claims that this change holds.
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(max = 512)))]
    pub claims_held: Vec<String>,
    /// The `CrmBackup` of this change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub backup: Option<String>,
    /// When users were out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Time>,
    /// When users were back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Time>,
    /// When the first step began that only a restore takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point_of_no_return_at: Option<Time>,
    /// Why it is being taken back, from the moment that this was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub backing_out: Option<String>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Parts before.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub before: Vec<ObservedPart>,
    /// Parts afterwards.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub after: Vec<ObservedPart>,
    /// What a person should know afterwards.
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(max = 1024)))]
    pub findings: Vec<String>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
}

fn never_observed() -> i64 {
    -1
}

impl Default for CrmChangeStatus {
    fn default() -> Self {
        Self {
            observed_generation: never_observed(),
            phase: ChangePhase::default(),
            step: None,
            conditions: Vec::new(),
            steps: Vec::new(),
            approved_by: None,
            claims_held: Vec::new(),
            backup: None,
            closed_at: None,
            opened_at: None,
            point_of_no_return_at: None,
            backing_out: None,
            waiting: None,
            before: Vec::new(),
            after: Vec::new(),
            findings: Vec::new(),
            ended_at: None,
        }
    }
}

impl CrmChangeStatus {
    /// The result of a step, if it was begun.
    #[must_use]
    pub fn result(&self, step: &str) -> Option<&StepResult> {
        self.steps.iter().find(|result| result.id == step)
    }

    /// Whether a step is verified.
    #[must_use]
    pub fn is_verified(&self, step: &str) -> bool {
        self.result(step).is_some_and(|result| result.phase == StepPhase::Verified)
    }
}

/// Where a change stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ChangePhase {
    /// Users feel nothing yet; media, checks, approval and window come together.
    #[default]
    Preparing,
    /// Steps are being carried out.
    Changing,
    /// It is being taken back.
    BackingOut,
    /// It waits for a person, with the site closed or half changed.
    Halted,
    /// The goal is proven.
    Succeeded,
    /// It was taken back; the site is as it was.
    Failed,
    /// Its inputs changed before the point of no return; another change takes its place.
    Superseded,
}

impl ChangePhase {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Superseded)
    }
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepResult {
    /// [`Step::id`].
    #[schemars(length(max = 128))]
    pub id: String,
    /// How far it is.
    pub phase: StepPhase,
    /// Number of the try, from 1.
    pub attempt: i32,
    /// When the first try began. Written before anything is done.
    pub started_at: Time,
    /// When this try began.
    pub attempt_started_at: Time,
    /// When it was verified, failed or was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// How the last try ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The facts that proved it, or why it is not proven.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub evidence: String,
    /// A value that was overwritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub old_value: Option<String>,
    /// Files that it left.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub files: Vec<FileRecord>,
    /// The decision that allowed this try, where a person had to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub granted_by: Option<String>,
    /// The person who said "I do it", for attended steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub attended_by: Option<String>,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StepPhase {
    /// Begun; nothing is proven.
    Started,
    /// Its evidence was seen.
    Verified,
    /// Ended without its evidence; nothing more is tried by itself.
    Failed,
    /// Being taken back.
    Undoing,
    /// Taken back.
    Undone,
}

/// Upper bound of a change, in bytes of JSON; checked when it is planned.
pub const CHANGE_BYTES_MAX: usize = 100 * 1024;

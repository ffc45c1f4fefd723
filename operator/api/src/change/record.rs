//! The record of a change: step results, evidence, decisions, times.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::notice::ToldNotice;
use crate::order::{FileRecord, Outcome};
use crate::site::{ObservedPart, Waiting};

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
    #[schemars(length(max = 1024))]
    pub approved_by: Option<String>,
    /// The decision that let it begin outside the windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub overridden_by: Option<String>,
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
    /// The change that brought everything back from the backup set and so ended this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub restored_by: Option<String>,
    /// The change of the next hop, for which the site stays closed: this one ended without letting users in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub handed_over_to: Option<String>,
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
    /// What people were told, where the site declares notices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 48))]
    pub told: Vec<ToldNotice>,
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
            overridden_by: None,
            claims_held: Vec::new(),
            backup: None,
            closed_at: None,
            opened_at: None,
            point_of_no_return_at: None,
            backing_out: None,
            restored_by: None,
            handed_over_to: None,
            waiting: None,
            before: Vec::new(),
            after: Vec::new(),
            findings: Vec::new(),
            ended_at: None,
            told: Vec::new(),
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
    /// [`super::Step::id`].
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

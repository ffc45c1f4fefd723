//! Plans as they are shown in a site's status: the one that is next or under way, and the ways out of what went wrong.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::site::Verification;

/// The plan towards the declared version, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanSummary {
    /// Hash of the plan: what an approval names.
    #[schemars(length(max = 64))]
    pub hash: String,
    /// What it is for.
    pub purpose: crate::change::Purpose,
    /// Release that it starts from.
    #[schemars(length(max = 64))]
    pub from: String,
    /// Release that it leads to.
    #[schemars(length(max = 64))]
    pub to: String,
    /// Number of steps.
    pub steps: i32,
    /// Expected minutes from the first step that users feel to the last step.
    pub minutes: i32,
    /// The hops that follow, in outline: each is a change with a backup, a plan and an approval of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub then: Vec<HopSummary>,
    /// Expected minutes of a restore of its backup set; 0 where there is none.
    #[serde(default)]
    pub restore_minutes: i32,
    /// When it ends if all goes as expected, in the site's own time; left out where it cannot be told when it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub ends_about: Option<String>,
    /// A restore that begins before this moment would still end inside the window, in the site's own time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub restore_fits_before: Option<String>,
    /// Releases of the whole path, the one it starts from first.
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(max = 64)))]
    pub path: Vec<String>,
    /// Hash of that path: what an approval of the whole path names.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub path_hash: String,
}

/// A later hop of a path, in outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HopSummary {
    /// Release that it starts from.
    #[schemars(length(max = 64))]
    pub from: String,
    /// Release that it leads to.
    #[schemars(length(max = 64))]
    pub to: String,
    /// Number of steps.
    pub steps: i32,
    /// Expected minutes from the first step that users feel to the last step.
    pub minutes: i32,
    /// How many of the steps a person does.
    pub attended: i32,
}

/// A site that other hands left half done. Nothing is touched before a person has chosen: forward, or a restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HalfDone {
    /// In a word, the worst first: `ComponentsBehind`, `UpgradeExeNotRun`, `SchedulerTwice` or `FrozenLeftOn`.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// What was seen, part by part.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// The ways out, and how a person chooses one.
    #[schemars(length(max = 1024))]
    pub remedy: String,
    /// The plan that finishes it: what a decision with word `Forward` names. The way back stands in `restore`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward: Option<PlanSummary>,
}

/// A restore that a person can decide on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreOffer {
    /// Hash of its plan: what a decision with word `Restore` names.
    #[schemars(length(max = 64))]
    pub plan_hash: String,
    /// The `CrmBackup` that everything comes back from.
    #[schemars(length(max = 253))]
    pub backup: String,
    /// Release of that set.
    #[schemars(length(max = 64))]
    pub release: String,
    /// How far that set is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// Expected minutes.
    pub minutes: i32,
    /// What is lost by it.
    #[schemars(length(max = 1024))]
    pub cost: String,
}

//! `CrmDecision`: one word of a person. Create-only and immutable; the record of who said what, when and about which
//! plan.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

/// One word of a person about one site, or a stop of many.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "crm-operator.io",
    version = "v1alpha1",
    kind = "CrmDecision",
    namespaced,
    derive = "PartialEq",
    cel,
    category = "crm",
    shortname = "crmd",
    doc = "One word of a person: approve, attend, attest, retry, restore, forward, hold, resume or override about one site; stop about many.",
    selectable = ".spec.site",
    selectable = ".spec.word",
    printcolumn(name = "Site", type_ = "string", json_path = ".spec.site"),
    printcolumn(name = "Word", type_ = "string", json_path = ".spec.word"),
    printcolumn(name = "Plan", type_ = "string", json_path = ".spec.planHash", priority = "1"),
    printcolumn(name = "Step", type_ = "string", json_path = ".spec.step"),
    printcolumn(name = "User", type_ = "string", json_path = ".spec.user"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self == oldSelf").message("spec: a decision is one word said once; create another one instead"),
    validation = Rule::new("(self.word == 'Stop') != has(self.site)").message("site: a stop names no site, it stands over every site of its namespace (over all sites, in the operator's own); every other word names one"),
    validation = Rule::new("has(self.planHash) || self.word == 'Hold' || self.word == 'Resume' || self.word == 'Stop'").message("planHash: this word is about one plan; take its hash from the site's status.plan"),
    validation = Rule::new("has(self.step) || !(self.word == 'Attend' || self.word == 'Attest' || self.word == 'Retry')").message("step: attend, attest and retry are about one step; name it"),
    validation = Rule::new("(has(self.reason) && size(self.reason) > 0) || !(self.word == 'Attest' || self.word == 'Restore' || self.word == 'Forward' || self.word == 'Hold' || self.word == 'Stop' || self.word == 'Override')").message("reason: whoever attests says what they saw, whoever restores, goes forward, holds, stops or overrides says why; write it in reason"),
    validation = Rule::new("has(self.expiresAt) || self.word != 'Override'").message("expiresAt: an override is for one occasion; say until when it may be used"),
    validation = Rule::new("!has(self.expiresAt) || self.word == 'Override' || self.word == 'Hold'").message("expiresAt: only a hold or an override ends by itself; leave it out")
)]
pub struct CrmDecisionSpec {
    /// Name of the `CrmSite`. Left out for a stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub site: Option<String>,
    /// What the person says.
    pub word: Word,
    /// Hash of the plan that it is about, in full: a plan that begins with the same characters is soon found. A changed plan has
    /// another hash, and this word says nothing about it. Left out for words that are about no plan (hold, resume, stop).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 64, max = 64), regex(pattern = "^[0-9a-f]+$"))]
    pub plan_hash: Option<String>,
    /// Step that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub step: Option<String>,
    /// Why, or what was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// From when on it says nothing any more: an override that was not used, a hold that nobody resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// Who says it.
    #[schemars(length(min = 1, max = 256))]
    pub user: String,
}

impl CrmDecisionSpec {
    /// Whether it is about the plan with this hash.
    #[must_use]
    pub fn is_about(&self, plan_hash: &str) -> bool {
        self.plan_hash.as_deref().is_some_and(|named| plan_hash == named)
    }
}

/// What a person can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Word {
    /// The plan with this hash may be carried out.
    Approve,
    /// I am doing this attended step.
    Attend,
    /// I have seen what the step's evidence asks for.
    Attest,
    /// I have looked; try this step once more.
    Retry,
    /// Bring everything back from the backup set that this plan names.
    Restore,
    /// Finish a site that was found half done, by the plan that its status offers.
    Forward,
    /// This site is left alone: no change enters it and none passes the point of no return.
    Hold,
    /// The hold is over.
    Resume,
    /// Nothing more is begun between any two steps, at any site of this namespace; in the operator's own namespace at
    /// any site at all. Deleting the decision ends the stop.
    Stop,
    /// This one plan may begin outside the windows, once and until `expiresAt`.
    Override,
}

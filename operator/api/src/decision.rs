//! `CrmDecision`: one word of a person. Create-only and immutable; the record of who said what, when and about which
//! plan.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One word of a person about one site.
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
    doc = "One word of a person about one site: approve, attend, attest, retry.",
    printcolumn(name = "Site", type_ = "string", json_path = ".spec.site"),
    printcolumn(name = "Word", type_ = "string", json_path = ".spec.word"),
    printcolumn(name = "Plan", type_ = "string", json_path = ".spec.planHash"),
    printcolumn(name = "Step", type_ = "string", json_path = ".spec.step"),
    printcolumn(name = "User", type_ = "string", json_path = ".spec.user"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self == oldSelf").message("spec: a decision is one word said once; create another one instead"),
    validation = Rule::new("self.word == 'Approve' || has(self.step)").message("step: attend, attest and retry are about one step; name it"),
    validation = Rule::new("self.word != 'Attest' || (has(self.reason) && size(self.reason) > 0)").message("reason: whoever attests says what they saw; write it in reason")
)]
pub struct CrmDecisionSpec {
    /// Name of the `CrmSite`.
    #[schemars(length(min = 1, max = 253))]
    pub site: String,
    /// What the person says.
    pub word: Word,
    /// Hash of the plan that it is about. A changed plan has another hash, and this word says nothing about it.
    #[schemars(length(min = 6, max = 64), regex(pattern = "^[0-9a-f]+$"))]
    pub plan_hash: String,
    /// Step that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub step: Option<String>,
    /// Why, or what was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// Who says it.
    #[schemars(length(min = 1, max = 256))]
    pub user: String,
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
}

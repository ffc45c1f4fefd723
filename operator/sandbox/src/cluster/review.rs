//! Questions about the caller: whom the API server takes them for, and what they may do. Nothing of it is stored.
//!
//! The sandbox authorises everything: it plays no RBAC. So everybody may do everything, and the answers say why.

use bytes::Bytes;
use serde_json::{Value, json};

/// Groups of these questions, with their version.
pub(super) const GROUPS: [(&str, &str); 2] = [("authentication.k8s.io", "v1"), ("authorization.k8s.io", "v1")];
/// The questions: group and version, resource, kind.
const QUESTIONS: [(&str, &str, &str); 3] = [
    ("authentication.k8s.io/v1", "selfsubjectreviews", "SelfSubjectReview"),
    ("authorization.k8s.io/v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    ("authorization.k8s.io/v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
];
/// Why everything is allowed.
pub(super) const REASON: &str = "the sandbox allows everybody everything";

/// Resources and kinds of a group and version.
pub(super) fn resources(api_version: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    QUESTIONS.iter().filter(move |(group, ..)| *group == api_version).map(|(_, resource, kind)| (*resource, *kind))
}

fn question_at(path: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let place = path.strip_prefix("/apis/")?;
    QUESTIONS.iter().find(|(group, resource, _)| {
        place.strip_prefix(group).and_then(|rest| rest.strip_prefix('/')) == Some(resource)
    })
}

/// Whether such questions are asked there.
pub(super) fn is_asked_at(path: &str) -> bool {
    question_at(path).is_some()
}

/// Whether it is asked there what somebody may do.
pub(super) fn is_of_rights(path: &str) -> bool {
    path.starts_with("/apis/authorization.k8s.io/")
}

/// The answer, if that is where such a question is asked.
pub(super) fn answer(path: &str, identity: &str, body: &[u8]) -> Option<Bytes> {
    let (group, _, kind) = question_at(path)?;
    let spec = serde_json::from_slice::<Value>(body).ok().map(|mut asked| asked["spec"].take());
    let status = match *kind {
        "SelfSubjectReview" => json!({"userInfo": {"username": identity, "groups": ["system:authenticated"]}}),
        "SelfSubjectAccessReview" => json!({"allowed": true, "reason": REASON}),
        _ => json!({
            "incomplete": false,
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        }),
    };
    let mut review = json!({"apiVersion": group, "kind": kind, "metadata": {}, "status": status});
    if let Some(spec) = spec.filter(|spec| !spec.is_null()) {
        review["spec"] = spec;
    }
    Some(Bytes::from(review.to_string()))
}

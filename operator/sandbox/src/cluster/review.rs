//! `SelfSubjectReview`: whom the API server takes the caller for. Nothing of it is stored.

use bytes::Bytes;
use serde_json::json;

/// Where it is asked.
pub(super) const PATH: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/// The answer to a caller.
pub(super) fn of(identity: &str) -> Bytes {
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {},
        "status": {"userInfo": {"username": identity, "groups": ["system:authenticated"]}},
    });
    Bytes::from(review.to_string())
}

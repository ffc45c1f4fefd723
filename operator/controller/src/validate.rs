//! Validate: raw objects in, a `Snapshot` that the planner can trust out. It touches nothing.
//!
//! The schema of the custom resources keeps nearly everything out that does not parse; what is left comes from a person
//! with special rights, or from a version of the operator that knows more words. Such an object stops only itself, and
//! the site that cannot be judged without it.

use crm_plan::Snapshot;
use kube::core::Resource;
use serde::de::DeserializeOwned;

use crate::raw::Raw;

/// An object that is not what its kind says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {name} cannot be read: {message}; correct or delete it")]
pub(crate) struct Malformed {
    pub(crate) kind: String,
    /// `None` for the catalogue.
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    pub(crate) uid: String,
    /// What the parser said.
    pub(crate) message: String,
}

/// What one observation brought.
pub(crate) struct Observed {
    /// Everything that could be read.
    pub(crate) snapshot: Snapshot,
    /// Objects without which the site would be judged wrongly: its own nodes, changes and backups.
    pub(crate) blocking: Vec<Malformed>,
    /// Objects that speak only for themselves: releases that the catalogue lacks then, words that were not understood.
    pub(crate) ignored: Vec<Malformed>,
}

/// The site cannot be judged, and nothing is done about it.
#[derive(Debug, thiserror::Error)]
#[error("{} object(s) of the site cannot be read, first: {}", .malformed.len(), .malformed.first().map(Malformed::to_string).unwrap_or_default())]
pub(crate) struct ValidateError {
    /// Which, so that each gets its event.
    pub(crate) malformed: Vec<Malformed>,
}

/// Lets a snapshot through if nothing of it is missing.
///
/// # Errors
/// When an object of the site itself does not parse: a change that cannot be read may have orders out.
pub(crate) fn validate(observed: Observed) -> Result<(Snapshot, Vec<Malformed>), ValidateError> {
    let Observed { snapshot, blocking, ignored } = observed;
    if blocking.is_empty() { Ok((snapshot, ignored)) } else { Err(ValidateError { malformed: blocking }) }
}

/// Parses a list; what does not parse is put aside.
pub(crate) fn parse_all<K>(objects: &[Raw], aside: &mut Vec<Malformed>) -> Vec<K>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    objects.iter().filter_map(|object| object.parse().map_err(|malformed| aside.push(malformed)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::parse_all;
    use crate::raw::{Raw, of};
    use crm_api::CrmDecision;
    use serde_json::json;

    #[test]
    fn an_object_that_does_not_parse_stops_only_itself() {
        let decision = |name: &str, word: &str| -> Raw {
            of(&json!({
                "metadata": {"name": name, "namespace": "crm", "uid": "u"},
                "spec": {"site": "contoso", "word": word, "planHash": "4f1c09", "user": "ada"},
            }))
        };
        let mut aside = Vec::new();
        let parsed: Vec<CrmDecision> =
            parse_all(&[decision("a", "Approve"), decision("b", "Shrug"), decision("c", "Approve")], &mut aside);
        assert_eq!(parsed.len(), 2);
        assert_eq!(aside.len(), 1);
        assert_eq!(aside[0].kind, "CrmDecision");
        assert!(aside[0].message.contains("Shrug"), "{}", aside[0].message);
    }
}

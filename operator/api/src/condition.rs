//! Condition types and reasons, each in one place. `Ready` and `UpToDate` are positive; `Reconciling` and `Stalled`
//! are there only while they apply, as kstatus expects.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::Time;

/// A condition type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Healthy at the verified release.
    Ready,
    /// Verified release and flags are the declared ones.
    UpToDate,
    /// Work is going on (only while true).
    Reconciling,
    /// Nothing goes on until a person acts or the spec changes (only while true).
    Stalled,
    /// A person's stop stands over the site (only while it does).
    Stopped,
    /// A person's hold stands over the site (only while it does).
    Held,
    /// Somebody left the site half upgraded, frozen or with two schedulers (only while it is so).
    HalfDone,
    /// Observation differs from the verified state.
    Drifted,
    /// Agents and database were heard recently.
    FactsFresh,
    /// Components that are not declared any more still stand on their nodes (only while they do).
    Orphaned,
    /// The webhook has taken every notice (only where it has not).
    NoticesDelivered,
    /// What a change has left to people, by the name that the product gives it (only where there is such a debt).
    Debt(&'static str),
    /// A change reached its goal.
    Succeeded,
    /// A backup set is fit for a restore.
    Verified,
}

impl Kind {
    /// As it stands in `type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::UpToDate => "UpToDate",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Stopped => "Stopped",
            Self::Held => "Held",
            Self::HalfDone => "HalfDone",
            Self::Drifted => "Drifted",
            Self::FactsFresh => "FactsFresh",
            Self::Orphaned => "Orphaned",
            Self::NoticesDelivered => "NoticesDelivered",
            Self::Debt(name) => name,
            Self::Succeeded => "Succeeded",
            Self::Verified => "Verified",
        }
    }
}

/// Status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// It cannot be told.
    Unknown,
}

impl State {
    /// As it stands in `status`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Longest message of a condition, in characters.
pub const MESSAGE_CHARS_MAX: usize = 1024;

/// A condition that becomes part of a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its type.
    pub kind: Kind,
    /// Its status.
    pub state: State,
    /// CamelCase word.
    pub reason: &'static str,
    /// Sentence for a person.
    pub message: String,
}

/// The new list of conditions: exactly the wanted ones, `lastTransitionTime` kept where the status stays the same.
#[must_use]
pub fn merge(old: &[Condition], wanted: Vec<Wanted>, generation: i64, now: &Time) -> Vec<Condition> {
    wanted
        .into_iter()
        .map(|wanted| {
            let before = old.iter().find(|condition| condition.type_ == wanted.kind.as_str());
            let last_transition_time = match before {
                Some(before) if before.status == wanted.state.as_str() => before.last_transition_time.clone(),
                Some(_) | None => now.clone(),
            };
            Condition {
                type_: wanted.kind.as_str().to_owned(),
                status: wanted.state.as_str().to_owned(),
                reason: wanted.reason.to_owned(),
                message: wanted.message.chars().take(MESSAGE_CHARS_MAX).collect(),
                observed_generation: Some(generation),
                last_transition_time,
            }
        })
        .collect()
}

/// Whether a condition stands in a list with status True.
#[must_use]
pub fn is_true(conditions: &[Condition], kind: Kind) -> bool {
    conditions.iter().any(|condition| condition.type_ == kind.as_str() && condition.status == State::True.as_str())
}

/// The condition of a type, if it is there.
#[must_use]
pub fn find(conditions: &[Condition], kind: Kind) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

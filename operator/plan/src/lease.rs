//! Who may give orders. The Lease keeps two controllers from working at once most of the time; the epoch makes the rest
//! harmless: agents refuse orders of a lower epoch than they have seen.

use jiff::{SignedDuration, Timestamp};

/// Annotation of the Lease that keeps the epoch of its present holder.
///
/// Nodes alone cannot tell the next epoch: a leader that never gave an order has left no trace on any of them, so its
/// successor would get the same number, and an order that the first one still has on its way could not be told from one
/// of the second. The annotation is written by the same conditional replace that takes the Lease, so no two take-overs
/// can ever have read the same value.
pub const EPOCH_ANNOTATION: &str = "crm-operator.io/epoch";

/// What the Lease shows, and since when it has shown it **by the local clock**: clocks of others are not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseView {
    /// Holder, if there is one.
    pub holder: Option<String>,
    /// How often it has changed hands.
    pub transitions: i32,
    /// The holder's epoch, from [`EPOCH_ANNOTATION`]; 0 where there is none.
    pub epoch: i64,
    /// When this process first saw the Lease in its present version.
    pub seen_since: Timestamp,
    /// How long a holder may stay silent.
    pub duration: SignedDuration,
}

/// What to do about the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseDecision {
    /// It is ours: renew it.
    Renew,
    /// It is free, its holder was silent for too long, or it is left over from an earlier life of ours: take it, with
    /// this number of transitions and a new [`epoch`].
    Take {
        /// New number of transitions.
        transitions: i32,
    },
    /// It is somebody else's: look again then.
    Wait {
        /// When.
        until: Timestamp,
    },
}

/// Decides about the Lease. `epoch` is the one under which this process leads; `None` while it does not.
///
/// A Lease with our name but another epoch was taken by an earlier process of that name, or by a write of ours whose
/// answer was lost. Nobody else uses our name, so there is nobody to wait for; but it is a take-over all the same, with
/// an epoch of its own. Asking twice is harmless: only a conditional write acts on the answer.
#[must_use]
pub fn decide(view: Option<&LeaseView>, me: &str, epoch: Option<i64>, now: Timestamp) -> LeaseDecision {
    let Some(view) = view else {
        return LeaseDecision::Take { transitions: 0 };
    };
    match view.holder.as_deref() {
        Some(holder) if holder == me && epoch == Some(view.epoch) => LeaseDecision::Renew,
        Some(holder) if holder == me => LeaseDecision::Take { transitions: view.transitions },
        Some(_) => {
            let until = view.seen_since.saturating_add(view.duration).unwrap_or(Timestamp::MAX);
            if now < until {
                LeaseDecision::Wait { until }
            } else {
                LeaseDecision::Take { transitions: view.transitions.saturating_add(1) }
            }
        }
        None => LeaseDecision::Take { transitions: view.transitions.saturating_add(1) },
    }
}

/// The epoch of a new leader: `max(transitions, annotation of the Lease, highest that any node knows) + 1`. None where no
/// number is left: a leader whose epoch is not higher than all others must not lead.
///
/// The annotation makes it unique even if two leaders never gave an order. The number of transitions and the nodes'
/// word stand in for an annotation that a person or a restored backup of the cluster has taken away, and the nodes'
/// word for a Lease that was deleted.
#[must_use]
pub fn epoch(transitions: i32, annotated: i64, highest_known_to_nodes: i64) -> Option<i64> {
    i64::from(transitions).max(annotated).max(highest_known_to_nodes).checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::{LeaseDecision, LeaseView, decide, epoch};
    use jiff::{SignedDuration, Timestamp};

    fn held_by(holder: &str) -> LeaseView {
        LeaseView {
            holder: Some(holder.to_owned()),
            transitions: 3,
            epoch: 7,
            seen_since: Timestamp::UNIX_EPOCH,
            duration: SignedDuration::from_secs(15),
        }
    }

    fn after(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn a_silent_holder_is_replaced_only_after_the_lease_duration() {
        assert_eq!(decide(Some(&held_by("b")), "a", None, after(14)), LeaseDecision::Wait { until: after(15) });
        assert_eq!(decide(Some(&held_by("b")), "a", None, after(15)), LeaseDecision::Take { transitions: 4 });
        assert_eq!(decide(None, "a", None, after(0)), LeaseDecision::Take { transitions: 0 });
    }

    #[test]
    fn only_the_leader_of_this_epoch_renews() {
        assert_eq!(decide(Some(&held_by("a")), "a", Some(7), after(60)), LeaseDecision::Renew);
        assert_eq!(decide(Some(&held_by("a")), "a", Some(6), after(0)), LeaseDecision::Take { transitions: 3 });
        assert_eq!(decide(Some(&held_by("a")), "a", None, after(0)), LeaseDecision::Take { transitions: 3 });
    }

    #[test]
    fn a_lease_that_was_given_back_is_free_at_once() {
        let free = LeaseView { holder: None, ..held_by("b") };
        assert_eq!(decide(Some(&free), "a", None, after(0)), LeaseDecision::Take { transitions: 4 });
    }

    #[test]
    fn an_epoch_is_higher_than_everything_seen() {
        assert_eq!(epoch(0, 0, 0), Some(1));
        assert_eq!(epoch(4, 0, 2), Some(5));
        assert_eq!(epoch(0, 0, 9), Some(10));
        assert_eq!(epoch(4, 7, 5), Some(8));
        // Not the same one again: two leaders with one epoch could not be told apart.
        assert_eq!(epoch(0, 0, i64::MAX), None);
        assert_eq!(epoch(0, i64::MAX, 0), None);
    }

    #[test]
    fn leaders_that_never_gave_an_order_still_get_different_epochs() {
        let first = epoch(0, 0, 0).unwrap();
        let second = epoch(0, first, 0).unwrap();
        assert!(second > first);
    }
}

//! What can stand in the way of a whole change: claims of other changes, and a declaration that was edited meanwhile.

use crm_api::change::Purpose;

use super::{Flow, LOOK_AGAIN, Run, SUPERSEDED};
use crate::hash::spec_digest;
use crate::snapshot::ForeignClaim;

impl Run<'_> {
    /// Claims make changes that share a server or a database take turns. The leader records them after a live list.
    pub(super) fn claim(&mut self) -> Flow {
        if !self.out.status.claims_held.is_empty() || self.change.spec.claims.is_empty() {
            return Flow::GoOn;
        }
        let wanted = |foreign: &&ForeignClaim| self.change.spec.claims.contains(&foreign.claim);
        let mut foreign = self.view.snapshot.foreign_claims.iter().filter(wanted);
        if let Some(taken) = foreign.find(|foreign| foreign.waits_since.is_none()) {
            let message = format!(
                "waits for {}, held by a change of {}; {} in line",
                taken.claim,
                taken.holder,
                ordinal(self.place_in_line(&taken.claim))
            );
            let ended_by = format!("the end of the change of {}", taken.holder);
            return self.wait_while_closed("Claim", message, ended_by, LOOK_AGAIN);
        }
        self.out.status.claims_held = self.change.spec.claims.clone();
        Flow::GoOn
    }

    /// Place among the changes that wait for a claim, from 1: older changes come first.
    fn place_in_line(&self, claim: &str) -> usize {
        let created = self.change.metadata.creation_timestamp.as_ref().map_or(self.view.now, |at| at.0);
        let waiting = self.view.snapshot.foreign_claims.iter().filter(|foreign| foreign.claim == claim);
        waiting.filter(|foreign| foreign.waits_since.is_some_and(|since| since < created)).count() + 1
    }

    /// The declaration was edited in mid-change: before the point of no return another change takes the place of this
    /// one.
    pub(super) fn supersede(&mut self) {
        if self.change.spec.purpose == Purpose::Restore {
            // What comes back does not depend on what is declared now.
            return;
        }
        if self.out.status.backing_out.is_none() && crate::correct::is_moot(self.view, self.change) {
            self.start_back_out(format!("{SUPERSEDED}: there is nothing left to correct as things stand"));
            return;
        }
        let back_is_possible = self.out.status.point_of_no_return_at.is_none() && !self.is_open_again();
        let deleted = self.view.snapshot.site.metadata.deletion_timestamp.is_some();
        if deleted && back_is_possible && self.out.status.closed_at.is_none() && self.out.status.backing_out.is_none() {
            self.start_back_out(format!("{SUPERSEDED}: the site is being deleted, and nobody has felt anything yet"));
        } else if self.is_edited() && back_is_possible && self.out.status.backing_out.is_none() {
            self.start_back_out(format!(
                "{SUPERSEDED}: the site's spec was edited; a new plan takes the place of this one"
            ));
        }
    }

    fn is_edited(&self) -> bool {
        spec_digest(self.view.spec) != self.change.spec.spec_digest
    }

    /// The declaration was edited after the point of no return: nothing more is begun, and there is only forward or
    /// restore.
    pub(super) fn refuse_edited(&mut self) -> Flow {
        if self.change.spec.purpose == Purpose::Restore
            || !self.is_edited()
            || self.out.status.point_of_no_return_at.is_none()
        {
            return Flow::GoOn;
        }
        let message =
            format!("the site's spec was edited after the point of no return of the change to {}", self.change.spec.to);
        self.halt(message, "forward: put the spec back as it was when the change began".to_owned());
        Flow::Wait
    }
}

fn ordinal(place: usize) -> String {
    let ending = match (place % 10, place % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{place}{ending}")
}

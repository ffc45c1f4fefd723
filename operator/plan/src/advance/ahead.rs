//! The site is ahead of the record: the database is where this change leads, and no step that leads it there was begun. The
//! cluster was set back to an older state while the machines went on, or somebody went on by hand.
//!
//! Whatever the record asks for next would then be wrong: a backup would take the place of the one of the old release, and
//! a back-out would let old programs meet the new schema. So nothing is done.

use crm_api::change::Purpose;

use super::Run;
use crate::view::part_key;

impl Run<'_> {
    /// Halts, if that is so while users are out by the record.
    pub(super) fn halts_ahead(&mut self) -> bool {
        let closed = self.out.status.closed_at.is_some() && !self.is_open_again();
        let spec = &self.change.spec;
        let leads = spec.purpose == Purpose::Upgrade && spec.from_number != spec.to_number;
        if !closed || !leads || self.out.status.point_of_no_return_at.is_some() {
            return false;
        }
        let is_ahead = self.parts.iter().filter(|part| part.node.is_none()).any(|part| {
            let key = part_key(part);
            let mover = spec.steps.iter().find(|step| step.moves.contains(&key));
            let not_begun = mover.is_some_and(|step| self.out.status.result(&step.id).is_none());
            not_begun && part.version.as_deref() == Some(spec.to_number.as_str())
        });
        if is_ahead {
            let reason = format!(
                "the database shows {} and no step that leads it there is recorded: the cluster was set back to an older \
                 state, or somebody went on by hand; nothing is done",
                spec.to
            );
            let remedy = format!(
                "put back a state of the cluster in which the upgrade is recorded; or delete CrmChange {}: the site is then found \
                 half done, and its status names the plan that finishes it",
                self.name
            );
            self.halt(reason, remedy);
        }
        is_ahead
    }
}

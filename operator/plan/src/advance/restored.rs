//! The restore that would end a halted change, or has ended it.

use crm_api::change::{ChangePhase, CrmChange, Purpose};

use super::{Run, clip};
use crate::restore;

impl Run<'_> {
    /// A halted change behind its point of no return has two ways out. The way back is shown with its plan, and begun on a
    /// word about that very plan.
    pub(super) fn offer_restore(&mut self) {
        let behind = self.out.status.point_of_no_return_at.is_some() && self.change.spec.purpose != Purpose::Restore;
        let Some((reason, remedy)) = self.out.halted.clone().filter(|_| behind) else { return };
        let back = match restore::offer(self.view, self.parts, self.change) {
            Ok(offer) => {
                let how = restore::how(&offer);
                if let Some(who) = restore::begun_by(self.view, &self.out.status, &offer) {
                    let set = offer.restores.as_ref().map(|restores| restores.backup.clone()).unwrap_or_default();
                    self.announce("Restoring", format!("everything comes back from {set}: {who}"), true);
                    self.out.begin = Some(offer.clone());
                    self.wake(self.view.now);
                }
                self.out.restore = Some(offer);
                how
            }
            Err(why) => format!("back: no restore is possible: {why}"),
        };
        let remedy = clip(format!("{remedy}; {back}"));
        for announcement in self.out.announcements.iter_mut().filter(|announcement| announcement.reason == "Halted") {
            announcement.message = clip(format!("{reason}. {remedy}"));
        }
        self.out.halted = Some((reason, remedy));
    }

    /// Everything came back: this change has failed, and nothing of it is left to do.
    pub(super) fn end_restored(&mut self, restore: &CrmChange) {
        let by = restore.metadata.name.clone().unwrap_or_default();
        let set = restore.spec.restores.as_ref().map(|restores| restores.backup.clone()).unwrap_or_default();
        let ended = restore.status.as_ref().and_then(|status| status.ended_at.clone());
        let now = crm_api::Time::from(self.view.now);
        let status = &mut self.out.status;
        status.phase = ChangePhase::Failed;
        status.step = None;
        status.backing_out = Some(format!("everything came back from the backup set {set} by {by}"));
        status.restored_by = Some(by);
        if status.closed_at.is_some() && status.opened_at.is_none() {
            status.opened_at = ended;
        }
        status.ended_at = Some(now);
        status.after = self.parts.to_vec();
        status.claims_held.clear();
        self.announce("RestoredBy", self.out.status.backing_out.clone().unwrap_or_default(), true);
    }
}

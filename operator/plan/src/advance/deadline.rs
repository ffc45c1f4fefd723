//! While users are out, nothing is waited for without end, as long as there is a way back.

use crm_api::change::Gate;
use jiff::{SignedDuration, Timestamp};

use super::hand_over::is_taking_over;
use super::{Flow, LOOK_AGAIN_SOON, Run, SUPERSEDED};

/// While users are out, nothing is waited for longer than this before the first schema change.
const CLOSED_WAIT_MAX: SignedDuration = SignedDuration::from_mins(30);

impl Run<'_> {
    pub(super) fn wait_for_facts(&mut self, message: String) -> Flow {
        let ended_by = "the agent or SQL Server, by answering again".to_owned();
        self.wait_while_closed("Facts", message, ended_by, LOOK_AGAIN_SOON)
    }

    /// Waits; but where users are out meanwhile and there is a way back, not for ever.
    pub(super) fn wait_while_closed(
        &mut self,
        reason: &str,
        message: String,
        ended_by: String,
        again: SignedDuration,
    ) -> Flow {
        let deadline = self.closed_deadline();
        if deadline.is_some_and(|deadline| self.view.now >= deadline) {
            // A hop that took over and has not begun is planned anew, and waits with users at work.
            let superseded = if self.prepares_closed() { format!("{SUPERSEDED}: ") } else { String::new() };
            return self.start_back_out(format!("{superseded}users were out for too long: {message}"));
        }
        self.wait(reason, message, ended_by, deadline, again)
    }

    /// Until when something may be waited for: while users are out, and only as long as there is a way back.
    pub(super) fn closed_deadline(&self) -> Option<Timestamp> {
        let closed = self.out.status.closed_at.is_some() && !self.is_open_again();
        if !closed || self.out.status.point_of_no_return_at.is_some() {
            return None;
        }
        if self.prepares_closed() {
            let created = self.change.metadata.creation_timestamp.as_ref().map(|at| at.0);
            return created.and_then(|at| at.saturating_add(CLOSED_WAIT_MAX).ok());
        }
        let last_progress = self
            .out
            .status
            .steps
            .iter()
            .map(|result| result.ended_at.as_ref().map_or(result.started_at.0, |at| at.0))
            .max()?;
        last_progress.saturating_add(CLOSED_WAIT_MAX).ok()
    }

    /// Whether this hop took over a closed site and has not come to its own window yet: all of that has one deadline.
    pub(super) fn prepares_closed(&self) -> bool {
        let window = self.change.spec.steps.iter().find(|step| step.gate == Some(Gate::Window));
        let begun = window.is_some_and(|step| self.out.status.result(&step.id).is_some());
        is_taking_over(self.change, &self.out.status) && !begun
    }

    /// Whether users are out and there is still a way back.
    pub(super) fn may_back_out(&self) -> bool {
        let status = &self.out.status;
        status.closed_at.is_some() && !self.is_open_again() && status.point_of_no_return_at.is_none()
    }
}

//! From one hop to the next without letting users in between, where one approval covers the path, the next hop's packages
//! lie on its nodes already and the window has room for it. The next change exists before this one ends: there is no moment
//! at which the site is closed and nobody is there to open it.

use crm_api::change::{
    ChangePhase, CrmChange, CrmChangeSpec, CrmChangeStatus, Executor, Felt, Gate, Purpose, Step, StepRole,
};
use crm_api::order::Action;
use crm_api::site::ApprovalScope;
use jiff::SignedDuration;

use super::{LOOK_AGAIN_SOON, Run};
use crate::propose::{following, minutes_needed};
use crate::said;
use crate::windows::{Opening, opening};

/// The next change is waited for so long; then the site opens, and the next hop follows like any other.
const CREATED_WITHIN: SignedDuration = SignedDuration::from_mins(5);

impl Run<'_> {
    /// Before the first step that lets users in: whether the change ends here and leaves the site closed, or waits for the
    /// next one to exist.
    pub(super) fn hands_over(&mut self, step: &Step) -> bool {
        let begun = |step: &Step| step.felt == Felt::Opens && self.out.status.result(&step.id).is_some();
        if step.felt != Felt::Opens
            || self.change.spec.purpose != Purpose::Upgrade
            || self.out.status.closed_at.is_none()
            || self.change.spec.steps.iter().any(begun)
        {
            return false;
        }
        let view = self.view;
        let follows = |other: &&CrmChange| other.spec.takes_over.as_deref() == Some(self.name);
        if let Some(next) = view.snapshot.open_changes().find(follows) {
            self.end_closed(next);
            return true;
        }
        let waiting = self.change.status.as_ref().and_then(|status| status.waiting.as_ref());
        let too_long = waiting
            .filter(|waiting| waiting.reason == "HandOver")
            .is_some_and(|waiting| waiting.since.0.saturating_add(CREATED_WITHIN).is_ok_and(|until| view.now >= until));
        let Some(next) = self.next_at_once().filter(|_| !too_long) else { return false };
        let message =
            format!("{} is proven; users stay out, and it goes on to {} at once", self.change.spec.to, next.to);
        self.out.begin = Some(next);
        self.wait("HandOver", message, "the operator".to_owned(), None, LOOK_AGAIN_SOON);
        true
    }

    /// The next hop, if it may begin at once: nobody holds it, its approval stands, it finishes in this window with room
    /// for a restore, and nothing has to be copied first.
    fn next_at_once(&self) -> Option<Box<CrmChangeSpec>> {
        let (view, spec) = (self.view, self.view.spec);
        let deleted = view.snapshot.site.metadata.deletion_timestamp.is_some();
        if spec.approval.scope != ApprovalScope::Path
            || deleted
            || said::hold(view).is_some()
            || said::stop(view).is_some()
        {
            return None;
        }
        let next = following(view, self.parts, self.change)?;
        let (felt, restore) = minutes_needed(&next.steps);
        let fits = opening(spec.windows.as_ref(), felt.saturating_add(restore), view.now);
        let in_window = matches!(fits, Ok(Opening::Open { .. }));
        let goes_on = in_window && said::is_approved(view, &next) && self.leaves_nothing_undone(&next);
        goes_on.then_some(next)
    }

    /// Whether the next change finds everything it needs, waits for nobody before it begins, and repeats each step that
    /// this one does not come to any more.
    fn leaves_nothing_undone(&self, next: &CrmChangeSpec) -> bool {
        let own = &self.change.spec.steps;
        let lies_there = |wanted: (Option<&str>, &Action)| own.iter().flat_map(fetched).any(|there| there == wanted);
        let prepared = next.steps.iter().take_while(|step| step.gate != Some(Gate::Window));
        let mut left = own.iter().filter(|step| !self.out.status.is_verified(&step.id));
        next.steps.iter().flat_map(fetched).all(lies_there)
            && prepared.into_iter().all(|step| !matches!(step.executor, Executor::Attended { .. }))
            && left.all(|step| next.steps.iter().any(|other| other.id == step.id))
            && next.claims.iter().all(|claim| self.out.status.claims_held.contains(claim))
    }

    /// The next change is there: it gets what this one held, and this one is over.
    fn end_closed(&mut self, next: &CrmChange) {
        let name = next.metadata.name.clone().unwrap_or_default();
        let mut status = next.status.clone().unwrap_or_default();
        if status.closed_at.is_none() {
            status.closed_at.clone_from(&self.out.status.closed_at);
            status.claims_held.clone_from(&next.spec.claims);
        }
        self.out.handed_over = Some((name.clone(), Box::new(status)));
        self.out.status.handed_over_to = Some(name.clone());
        self.end(ChangePhase::Succeeded);
        let site = self.view.name();
        let message = format!(
            "{site} is proven at {}; users stay out while {name} goes on to {}",
            self.change.spec.to, next.spec.to
        );
        self.announce("Succeeded", message, false);
    }
}

/// Whether a step is one of those by which a change shuts the site: from the window on, until the database shows that nobody is left.
pub(super) fn shuts(change: &CrmChangeSpec, id: &str) -> bool {
    let entered = change.steps.iter().skip_while(|step| step.gate != Some(Gate::Window));
    entered.take_while(|step| step.role != Some(StepRole::ProveAlone)).any(|step| step.id == id)
}

/// The packages that a step copies, with the node that they lie on.
fn fetched(step: &Step) -> impl Iterator<Item = (Option<&str>, &Action)> {
    let actions = match &step.executor {
        Executor::Agent { actions } => actions.as_slice(),
        Executor::Attended { .. } | Executor::Controller { .. } => &[],
    };
    let copies = actions.iter().filter(|action| matches!(action, Action::FetchMedia { .. }));
    copies.map(|action| (step.node.as_deref(), action))
}

/// Whether users have been out since the change before this one, which left the site closed for it.
pub(super) fn is_taking_over(change: &CrmChange, status: &CrmChangeStatus) -> bool {
    change.spec.takes_over.is_some() && status.closed_at.is_some() && status.opened_at.is_none()
}

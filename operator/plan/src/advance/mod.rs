//! A change is open: what is next? The pinned steps are data and are never derived again; which of them are done is read
//! from recorded results and from facts.
//!
//! - `gates`, `prediction`: what has to be passed before a step starts. `deadline`: how long users may be out meanwhile. `judge`: what became of the step that was started.
//! - `ahead`: the site is ahead of the record. `proof`: whether a step's evidence holds. `orders`: a step as an order. `back_out`: taking everything back.
//! - `hand_over`: to the next hop without opening. `backup_set`: whether the set is whole, and how far verified. `restored`: the restore that would end a halted change, or has ended it. `interrupt`: what can stand in the way of a whole change.
//! - `tries`: the record of a step from its beginning to its proof or its failure.

mod ahead;
mod back_out;
mod backup_set;
mod deadline;
mod gates;
mod hand_over;
mod interrupt;
mod judge;
mod orders;
mod prediction;
mod proof;
mod restored;
mod tries;

pub(crate) use back_out::undo_probes;

use std::collections::BTreeMap;

use crm_api::backup::CrmBackupStatus;
use crm_api::change::{
    ChangePhase, CrmChange, CrmChangeSpec, CrmChangeStatus, Gate, Purpose, Step, StepPhase, StepResult, Task,
};
use crm_api::decision::Word;
use crm_api::order::Order;
use crm_api::site::{ObservedPart, Waiting};
use jiff::{SignedDuration, Timestamp};

use crate::intent::{Announcement, Intent};
use crate::products::{self, ProductRules};
use crate::view::View;

/// What is decided about an open change.
#[derive(Clone, Debug, Default)]
pub struct Advance {
    /// The record as it shall be.
    pub status: CrmChangeStatus,
    /// Orders per node; nodes that are not named have none.
    pub orders: BTreeMap<String, Vec<Order>>,
    /// Tasks that the controller shall do.
    pub tasks: Vec<Intent>,
    /// What the backup set holds, where that changed.
    pub backup: Option<CrmBackupStatus>,
    /// What people should be told.
    pub announcements: Vec<Announcement>,
    /// Why nothing goes on, and what a person can do.
    pub halted: Option<(String, String)>,
    /// The restore that would end a halted change.
    pub restore: Option<Box<CrmChangeSpec>>,
    /// The change that is to begin now: a restore, or the next hop.
    pub begin: Option<Box<CrmChangeSpec>>,
    /// The change that takes over from this one, with what it holds from the start.
    pub handed_over: Option<(String, Box<CrmChangeStatus>)>,
    /// When to look again.
    pub wake_at: Option<Timestamp>,
}

/// Whether to go on in this round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// The step is verified, or something else can be decided at once.
    GoOn,
    /// The world has to move first.
    Wait,
}

/// Facts that are about to be confirmed are looked for this often.
const LOOK_AGAIN_SOON: SignedDuration = SignedDuration::from_secs(5);
/// Something that a person or the world has to end is looked at this often.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// Something whose end wakes the controller by itself (a decision, a changed fact) is looked at this often all the same.
const LOOK_AGAIN_ANYWAY: SignedDuration = SignedDuration::from_mins(3);

struct Run<'a> {
    view: &'a View<'a>,
    parts: &'a [ObservedPart],
    change: &'a CrmChange,
    name: &'a str,
    rules: &'static dyn ProductRules,
    out: Advance,
}

/// Looks at an open change.
#[must_use]
pub fn advance(view: &View<'_>, parts: &[ObservedPart], change: &CrmChange) -> Advance {
    let mut run = Run {
        view,
        parts,
        change,
        name: change.metadata.name.as_deref().unwrap_or_default(),
        rules: products::of(view.spec.product),
        out: Advance { status: change.status.clone().unwrap_or_default(), ..Advance::default() },
    };
    run.out.status.waiting = None;
    run.go();
    run.offer_restore();
    run.settle_phase();
    run.out
}

impl Run<'_> {
    fn go(&mut self) {
        if self.out.status.before.is_empty() {
            self.out.status.before = self.parts.to_vec();
        }
        if let Some(restore) = crate::restore::ended_by(self.view, self.name) {
            return self.end_restored(restore);
        }
        if self.halts_ahead() {
            return;
        }
        self.supersede();
        if self.out.status.backing_out.is_none() && self.claim() == Flow::Wait && self.out.status.backing_out.is_none()
        {
            return;
        }
        if self.out.status.backing_out.is_some() {
            return self.back_out();
        }
        loop {
            let next = self.change.spec.steps.iter().find(|step| !self.out.status.is_verified(&step.id));
            let Some(step) = next else { return self.succeed() };
            if self.hands_over(step) {
                return;
            }
            if self.drive(step) == Flow::Wait {
                if self.out.status.backing_out.is_some() {
                    self.back_out();
                }
                return;
            }
        }
    }

    fn drive(&mut self, step: &Step) -> Flow {
        self.out.status.step = Some(step.id.clone());
        match self.out.status.result(&step.id).cloned() {
            None => self.begin(step),
            Some(result) => match result.phase {
                StepPhase::Started => self.judge(step, &result),
                StepPhase::Failed => self.after_failure(step, &result),
                StepPhase::Verified | StepPhase::Undoing | StepPhase::Undone => Flow::Wait,
            },
        }
    }

    fn is_open_again(&self) -> bool {
        self.out.status.opened_at.is_some()
    }

    /// The decision of a person about a step of this plan, said at a moment or later.
    fn decision(&self, word: Word, step: &str, since: Timestamp) -> Option<String> {
        // Kubernetes writes creation times in whole seconds.
        let since = since.as_second();
        self.view
            .snapshot
            .decisions
            .iter()
            .find(|decision| {
                decision.spec.word == word
                    && decision.spec.step.as_deref() == Some(step)
                    && decision.spec.is_about(&self.change.spec.plan_hash)
                    && decision.metadata.creation_timestamp.as_ref().is_some_and(|said| said.0.as_second() >= since)
            })
            .map(|decision| {
                format!("{} ({})", decision.metadata.name.as_deref().unwrap_or_default(), decision.spec.user)
            })
    }

    /// The change is over, and others may use what it held.
    fn end(&mut self, phase: ChangePhase) {
        self.out.status.phase = phase;
        self.out.status.step = None;
        self.out.status.ended_at = Some(crm_api::Time::from(self.view.now));
        self.out.status.after = self.parts.to_vec();
        self.out.status.claims_held.clear();
        if phase == ChangePhase::Succeeded {
            let findings = self.rules.aftermath(self.view);
            self.out.status.findings.extend(findings.into_iter().map(clip));
        }
    }

    fn succeed(&mut self) {
        self.end(ChangePhase::Succeeded);
        let (word, message) = match self.change.spec.purpose {
            Purpose::Correct => (
                "Corrected",
                format!("what was proven is back, no longer found: {}", self.change.spec.corrects.join(", ")),
            ),
            Purpose::Upgrade | Purpose::Configure | Purpose::Restore | Purpose::Forward => {
                ("Succeeded", format!("{} is proven at {}", self.view.name(), self.change.spec.to))
            }
        };
        self.announce(word, message, false);
    }

    fn wait(
        &mut self,
        reason: &str,
        message: String,
        ended_by: String,
        deadline: Option<Timestamp>,
        look_again: SignedDuration,
    ) -> Flow {
        let before = self.change.status.as_ref().and_then(|status| status.waiting.as_ref());
        let since = before
            .filter(|before| before.reason == reason)
            .map_or_else(|| crm_api::Time::from(self.view.now), |before| before.since.clone());
        self.out.status.waiting = Some(Waiting {
            reason: reason.to_owned(),
            message: clip(message),
            ended_by: ended_by.chars().take(512).collect(),
            since,
            deadline: deadline.map(crm_api::Time::from),
        });
        let again = self.view.now.saturating_add(look_again).unwrap_or(Timestamp::MAX);
        self.wake(deadline.map_or(again, |deadline| again.min(deadline.max(self.view.now))));
        Flow::Wait
    }

    fn wake(&mut self, at: Timestamp) {
        self.out.wake_at = Some(self.out.wake_at.map_or(at, |known| known.min(at)));
    }

    fn halt(&mut self, reason: String, remedy: String) {
        self.announce("Halted", format!("{reason}. {remedy}"), true);
        self.out.halted = Some((clip(reason), clip(remedy)));
        self.wake(self.view.now.saturating_add(LOOK_AGAIN).unwrap_or(Timestamp::MAX));
    }

    fn announce(&mut self, reason: &'static str, message: String, warning: bool) {
        let change = Some(self.name.to_owned());
        self.out.announcements.push(Announcement { reason, message: clip(message), warning, change });
    }

    /// The word for where it stands; nothing is decided by it but whether it is over.
    fn settle_phase(&mut self) {
        self.out.status.observed_generation = self.change.metadata.generation.unwrap_or(1);
        if self.out.status.phase.is_over() {
            return;
        }
        let window = self.change.spec.steps.iter().find(|step| step.gate == Some(Gate::Window));
        let passed = window.is_none_or(|step| self.out.status.result(&step.id).is_some())
            || hand_over::is_taking_over(self.change, &self.out.status);
        self.out.status.phase = match (self.out.halted.is_some(), self.out.status.backing_out.is_some(), passed) {
            (true, _, _) => ChangePhase::Halted,
            (false, true, _) => ChangePhase::BackingOut,
            (false, false, true) => ChangePhase::Changing,
            (false, false, false) => ChangePhase::Preparing,
        };
    }

    fn task(&mut self, step: &Step, result: &StepResult, task: &Task) {
        self.out.tasks.push(Intent::RunTask {
            change: self.name.to_owned(),
            step: step.id.clone(),
            attempt: result.attempt,
            since: result.attempt_started_at.0,
            task: task.clone(),
            backup_file: self.backup_file(),
        });
    }
}

/// How the reason of a back-out begins that another change follows.
const SUPERSEDED: &str = "superseded";

fn clip(text: String) -> String {
    if text.chars().count() <= 1024 { text } else { text.chars().take(1023).chain(['…']).collect() }
}

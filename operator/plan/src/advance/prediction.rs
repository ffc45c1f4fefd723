//! Before a step starts, facts are fresh and show what the plan predicts: the old release everywhere, but for what verified steps
//! have moved.

use crm_api::change::{Gate, Purpose, Step};
use crm_api::decision::Word;
use crm_api::site::{ObservedPart, PartState};

use super::{Flow, Run};
use crate::hash::begun;
use crate::view::part_key;

/// A part that does not show what is predicted.
struct Difference {
    state: PartState,
    message: String,
    /// It shows what a later step of this change leads to: somebody did that step by hand, or the cluster was set back to
    /// a record from before it.
    is_ahead: bool,
}

impl Run<'_> {
    /// No step starts on stale facts; no destructive one on facts that differ from what the plan predicts: the old
    /// release everywhere, but for what verified steps have moved.
    pub(super) fn pass_facts(&mut self, step: &Step) -> Flow {
        if let Some(node) = &step.node
            && !self.view.is_fresh(node)
        {
            return self.wait_for_facts(format!("the agent of {node} is silent"));
        }
        if !step.destructive && step.gate != Some(Gate::Window) {
            return Flow::GoOn;
        }
        let may_be_ahead = self.may_go_on_ahead(step);
        let different = self.differences().find(|difference| !(difference.is_ahead && may_be_ahead));
        let Some(Difference { state, message, is_ahead }) = different else { return Flow::GoOn };
        match state {
            PartState::Stale | PartState::Unknown => self.wait_for_facts(message),
            PartState::Consistent | PartState::Inconsistent | PartState::Absent => {
                if self.out.status.point_of_no_return_at.is_none() {
                    self.start_back_out(message)
                } else {
                    self.halt(message, self.way_on(step, is_ahead));
                    Flow::Wait
                }
            }
        }
    }

    /// Whether a person has said, since users are out, that what is ahead of the record is right.
    fn may_go_on_ahead(&self, step: &Step) -> bool {
        let closed_at = self.out.status.closed_at.as_ref();
        closed_at.is_some_and(|closed_at| self.decision(Word::Retry, &step.id, closed_at.0).is_some())
    }

    fn way_on(&self, step: &Step, is_ahead: bool) -> String {
        let node = step.node.as_deref().unwrap_or("the database");
        if is_ahead {
            format!(
                "look at {node}; if that was done by hand, or before the cluster was set back to an older state, create a \
                 CrmDecision with word Retry, step {} and planHash {}: it is proven by what it has left, and not done again",
                step.id,
                begun(&self.change.spec.plan_hash)
            )
        } else {
            format!("look at {node}; as soon as it shows what it should, the change goes on by itself")
        }
    }

    /// What the parts show other than predicted, in their order.
    fn differences(&self) -> impl Iterator<Item = Difference> {
        self.parts.iter().filter_map(|part| {
            let (state, message) = self.compared_with_prediction(part).err()?;
            let spec = &self.change.spec;
            let is_upgrade = spec.purpose == Purpose::Upgrade && self.out.status.point_of_no_return_at.is_some();
            let shows_new = state == PartState::Consistent && part.version.as_deref() == Some(&*spec.to_number);
            Some(Difference { state, message, is_ahead: is_upgrade && shows_new })
        })
    }

    fn compared_with_prediction(&self, part: &ObservedPart) -> Result<(), (PartState, String)> {
        let spec = &self.change.spec;
        let key = part_key(part);
        let mover = spec.steps.iter().find(|step| step.moves.contains(&key));
        let moved = mover.is_some_and(|step| self.out.status.is_verified(&step.id));
        let running = mover.is_some_and(|step| self.out.status.result(&step.id).is_some()) && !moved;
        // A restore is there for a mix that nobody predicts.
        if running || spec.purpose == Purpose::Restore {
            return Ok(());
        }
        if !moved && self.was_absent(&key) {
            // What the database will hold shows nothing as long as nothing is there, whatever files are new.
            let nothing = part.node.is_none() && part.version.is_none();
            return if part.state == PartState::Absent || nothing {
                Ok(())
            } else {
                Err((part.state, format!("{key} is not installed yet by this plan, and something is there")))
            };
        }
        if !moved && spec.purpose == Purpose::Forward {
            return self.is_as_found(part);
        }
        shows(part, if moved { &spec.to_number } else { &spec.from_number })
    }

    /// What a half-done site showed when it was chosen how to finish it, it shows until a step moves it.
    pub(super) fn is_as_found(&self, part: &ObservedPart) -> Result<(), (PartState, String)> {
        let key = part_key(part);
        let before = self.out.status.before.iter().find(|before| part_key(before) == key);
        match before {
            Some(before) if before.sources == part.sources && part.state != PartState::Stale => Ok(()),
            Some(_) | None => Err((part.state, format!("{key} does not show any more what was found"))),
        }
    }

    /// Whether a part was not there when the change began.
    pub(super) fn was_absent(&self, key: &str) -> bool {
        self.out.status.before.iter().any(|part| part.state == PartState::Absent && part_key(part) == key)
    }
}

/// Whether a part shows a number.
pub(super) fn shows(part: &ObservedPart, number: &str) -> Result<(), (PartState, String)> {
    if part.version.as_deref() == Some(number) {
        return Ok(());
    }
    let seen: Vec<String> = part
        .sources
        .iter()
        .map(|source| format!("{}: {}", source.source, source.value.as_deref().unwrap_or("not read")))
        .collect();
    Err((part.state, format!("{} should show {number} and shows {}", part_key(part), seen.join(", "))))
}

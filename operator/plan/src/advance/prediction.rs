//! Before a step starts, facts are fresh and show what the plan predicts: the old release everywhere, but for what verified steps
//! have moved.

use crm_api::change::{Gate, Purpose, Step};
use crm_api::site::{ObservedPart, PartState};

use super::{Flow, Run};
use crate::view::part_key;

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
        match self.differs_from_prediction() {
            Ok(()) => Flow::GoOn,
            Err((PartState::Stale | PartState::Unknown, message)) => self.wait_for_facts(message),
            Err((PartState::Consistent | PartState::Inconsistent | PartState::Absent, message)) => {
                if self.out.status.point_of_no_return_at.is_none() {
                    self.start_back_out(message)
                } else {
                    self.halt(message, self.way_out(step));
                    Flow::Wait
                }
            }
        }
    }

    pub(super) fn differs_from_prediction(&self) -> Result<(), (PartState, String)> {
        if self.change.spec.purpose == Purpose::Restore {
            // A restore is there for a mix that nobody predicts.
            return Ok(());
        }
        for part in self.parts {
            let key = part_key(part);
            let mover = self.change.spec.steps.iter().find(|step| step.moves.contains(&key));
            let moved = mover.is_some_and(|step| self.out.status.is_verified(&step.id));
            let running = mover.is_some_and(|step| self.out.status.result(&step.id).is_some()) && !moved;
            if running {
                continue;
            }
            if !moved && self.was_absent(&key) {
                // What the database will hold shows nothing as long as nothing is there, whatever files are new.
                let nothing = part.node.is_none() && part.version.is_none();
                if part.state != PartState::Absent && !nothing {
                    return Err((
                        part.state,
                        format!("{key} is not installed yet by this plan, and something is there"),
                    ));
                }
                continue;
            }
            if !moved && self.change.spec.purpose == Purpose::Forward {
                self.is_as_found(part)?;
                continue;
            }
            let number = if moved { &self.change.spec.to_number } else { &self.change.spec.from_number };
            shows(part, number)?;
        }
        Ok(())
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

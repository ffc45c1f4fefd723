//! How a run ends: by what the API shows and by who would still act.

use std::sync::Arc;

use crm_api::clock::Clock as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::stage::Stage;
use super::{Attendance, SIMULATED_HOURS_MAX};
use crate::file::ScenarioFile;
use crate::report::Outcome;
use crate::witness::Notes;
use crate::world::scenario::Moment;

/// A site that has not settled by then will not.
const SETTLES_WITHIN: SignedDuration = SignedDuration::from_hours(2);
/// A wait that nobody has ended for so long, though people are there, will last.
pub(super) const PATIENCE: SignedDuration = SignedDuration::from_hours(3);
/// The same, where nobody is there.
const PATIENCE_ALONE: SignedDuration = SignedDuration::from_mins(30);
/// Agents at rest look again within this time.
const AGENTS_LOOK_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// Waits that only a person ends.
pub(super) const WAITS_FOR_PEOPLE: [&str; 5] = ["Approval", "Person", "Preflight", "Claim", "Facts"];

/// Where a run stands.
pub(super) enum Phase<T> {
    /// The site is not settled at its old version.
    Settling,
    /// It is: the edit can be applied.
    Settled,
    /// Somebody does something to the servers without the operator now.
    HandsAct,
    /// The edit was applied, and it is not over.
    Changing,
    /// It is over.
    Over(T),
}

/// Judges of all sites that the operator knows, in the order of the file.
pub(super) struct Judges {
    each: Vec<Judge>,
}

impl Judges {
    pub(super) fn new(stage: &Stage, people: Attendance) -> Self {
        Self { each: stage.file.each_managed().map(|file| Judge::new(stage, file, people)).collect() }
    }

    /// The edits are applied now.
    pub(super) fn edited(&mut self, stage: &Stage) {
        self.each.iter_mut().for_each(|judge| judge.edited(stage));
    }

    /// Somebody has worked on the servers by hand now.
    pub(super) fn hands_acted(&mut self, stage: &Stage) {
        self.each.iter_mut().for_each(|judge| judge.hands_acted(stage));
    }

    pub(super) fn edited_at(&self) -> Option<Timestamp> {
        self.each.first()?.edited_at
    }

    /// A run is as far as the last of its sites; it is over when all of them are, each at its end.
    pub(super) fn look(&self, stage: &Stage) -> Phase<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        let (mut settling, mut changing, mut settled) = (false, false, false);
        for judge in &self.each {
            match judge.look(stage) {
                Phase::HandsAct => return Phase::HandsAct,
                Phase::Settling => settling = true,
                Phase::Settled => settled = true,
                Phase::Changing => changing = true,
                Phase::Over(outcome) => outcomes.push(outcome),
            }
        }
        if outcomes.len() == self.each.len() || outcomes.contains(&Outcome::TimedOut) {
            Phase::Over(outcomes)
        } else if settling {
            Phase::Settling
        } else if settled && !changing && outcomes.is_empty() {
            Phase::Settled
        } else {
            Phase::Changing
        }
    }
}

/// Judges where one site of a run stands.
struct Judge {
    site: String,
    patience: SignedDuration,
    started_at: Timestamp,
    edited_at: Option<Timestamp>,
    /// When somebody shall work on the servers by hand, and when they have.
    hands: Option<Moment>,
    acted_at: Option<Timestamp>,
    /// Generation of the site before the edit.
    generation: i64,
}

impl Judge {
    fn new(stage: &Stage, file: &ScenarioFile, people: Attendance) -> Self {
        let patience = match people {
            Attendance::Present => PATIENCE,
            Attendance::Nobody => PATIENCE_ALONE,
        };
        let hands = file.scenario.spec.by_hand.as_ref().map(|by_hand| by_hand.when);
        let site = file.site_name().to_owned();
        Self { site, patience, started_at: stage.clock.now(), edited_at: None, hands, acted_at: None, generation: 0 }
    }

    /// The edit is applied now.
    fn edited(&mut self, stage: &Stage) {
        self.edited_at = Some(stage.clock.now());
        let notes = stage.witness.notes();
        self.generation = notes.site(&self.site).and_then(|site| site["metadata"]["generation"].as_i64()).unwrap_or(0);
    }

    /// Somebody has worked on the servers by hand now.
    fn hands_acted(&mut self, stage: &Stage) {
        self.acted_at = Some(stage.clock.now());
    }

    fn hands_wait_for(&self, moment: Moment) -> bool {
        self.hands == Some(moment) && self.acted_at.is_none()
    }

    /// Whether agents and controller may not have seen yet what somebody has done by hand.
    fn is_looked_at_again(&self, now: Timestamp) -> bool {
        self.acted_at.is_some_and(|acted_at| now.duration_since(acted_at) <= AGENTS_LOOK_WITHIN)
    }

    fn look(&self, stage: &Stage) -> Phase<Outcome> {
        let now = stage.clock.now();
        let notes = stage.witness.notes();
        let Some(site) = notes.site(&self.site).cloned() else {
            return if self.edited_at.is_some() { Phase::Over(Outcome::Gone) } else { Phase::Settling };
        };
        let Some(edited_at) = self.edited_at else {
            if let Some(acted_at) = self.acted_at {
                let seen = now.duration_since(acted_at) > AGENTS_LOOK_WITHIN;
                return if seen { Phase::Settled } else { Phase::Settling };
            }
            if is_settled(&site) {
                return if self.hands_wait_for(Moment::AtRest) { Phase::HandsAct } else { Phase::Settled };
            }
            return if now.duration_since(self.started_at) > SETTLES_WITHIN {
                Phase::Over(Outcome::Halted { reason: condition_text(&site, "UpToDate"), remedy: String::new() })
            } else {
                Phase::Settling
            };
        };
        if now.duration_since(edited_at) > SignedDuration::from_hours(SIMULATED_HOURS_MAX) {
            return Phase::Over(Outcome::TimedOut);
        }
        let observed = site["status"]["observedGeneration"].as_i64().unwrap_or(-1);
        if observed <= self.generation && !self.is_no_edit(&site) {
            return Phase::Changing;
        }
        let everybody_works = !notes.teller.somebody_is_out(&self.site);
        let stood_still = now.duration_since(notes.progress_at) > self.patience;
        // A correction of drift leaves the site as declared while it is under way.
        let under_way = notes.change(&self.site).is_some_and(|change| !is_over(change));
        if everybody_works && !under_way && is_settled(&site) && (notes.has_told_all(&self.site) || stood_still) {
            let hours = stage.file.scenario.spec.goes_on_hours.unwrap_or(0);
            let goes_on = now.duration_since(edited_at) < SignedDuration::from_hours(hours);
            return if goes_on { Phase::Changing } else { Phase::Over(Outcome::Reached) };
        }
        match self.end_of_change(&notes, &site, everybody_works, stood_still) {
            Some(Outcome::BackedOut(_)) if self.hands_wait_for(Moment::AfterBackOut) => Phase::HandsAct,
            Some(Outcome::Refused(_)) if self.hands_wait_for(Moment::WhenRefused) => Phase::HandsAct,
            Some(Outcome::Refused(_)) if self.is_looked_at_again(now) => Phase::Changing,
            Some(outcome) => Phase::Over(outcome),
            None => Phase::Changing,
        }
    }

    /// An edit that changes nothing leaves the generation as it is.
    fn is_no_edit(&self, site: &Value) -> bool {
        site["metadata"]["generation"].as_i64() == Some(self.generation)
    }

    fn end_of_change(
        &self,
        notes: &Notes,
        site: &Arc<Value>,
        everybody_works: bool,
        stood_still: bool,
    ) -> Option<Outcome> {
        let reason = condition_reason(site, "UpToDate");
        if reason == "HalfDone" && stood_still {
            let (reason, remedy) = (condition_text(site, "UpToDate"), condition_text(site, "Stalled"));
            return Some(Outcome::Halted { reason, remedy });
        }
        if reason == "Refused" {
            return Some(Outcome::Refused(condition_text(site, "UpToDate")));
        }
        if reason == "RestoredAwaitingDecision" && everybody_works {
            return Some(Outcome::BackedOut(condition_text(site, "UpToDate")));
        }
        let change = notes.change(&self.site)?;
        let status = &change["status"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match status["phase"].as_str().unwrap_or_default() {
            "Failed" if everybody_works && reason == "Halted" => Some(Outcome::BackedOut(text(&status["backingOut"]))),
            // The last change is over, and the site was found half done since.
            _ if reason == "HalfDone" => None,
            "Failed" if stood_still => Some(Outcome::BackedOut(text(&status["backingOut"]))),
            "Halted" if stood_still => {
                let message = condition_text(change, "Stalled");
                let reason = condition_text(change, "Succeeded");
                let remedy = message.strip_prefix(&format!("{reason}. ")).unwrap_or(&message).to_owned();
                Some(Outcome::Halted { reason, remedy })
            }
            _ if stood_still => {
                let waiting = &status["waiting"];
                let waits = WAITS_FOR_PEOPLE.iter().any(|reason| waiting["reason"] == *reason);
                waits.then(|| Outcome::Waiting {
                    reason: text(&waiting["reason"]),
                    message: text(&waiting["message"]),
                    ended_by: text(&waiting["endedBy"]),
                })
            }
            _ => None,
        }
    }
}

/// A change has ended, well or not.
fn is_over(change: &Value) -> bool {
    ["Succeeded", "Failed", "Superseded"].iter().any(|phase| change["status"]["phase"] == *phase)
}

/// The site is proven to be where it is declared to be, and healthy.
pub(super) fn is_settled(site: &Value) -> bool {
    let status = &site["status"];
    let generation = &site["metadata"]["generation"];
    !status["verified"].is_null()
        && status["observedGeneration"] == *generation
        && condition(site, "Ready").is_some_and(|ready| ready["status"] == "True")
        && condition(site, "UpToDate").is_some_and(|up_to_date| up_to_date["status"] == "True")
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

fn condition_text(object: &Value, kind: &str) -> String {
    condition(object, kind).and_then(|found| found["message"].as_str()).unwrap_or_default().to_owned()
}

fn condition_reason(object: &Value, kind: &str) -> String {
    condition(object, kind).and_then(|found| found["reason"].as_str()).unwrap_or_default().to_owned()
}

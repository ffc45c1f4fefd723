//! Events out of the record of a change: its steps, its waits, its phase.

use jiff::Timestamp;
use serde_json::Value;

use super::teller::{Place, Teller};
use super::{StepStanding, WaitStanding, What, duration_text};

/// Waits that an administrator wants to read about. All others are the pauses in which agents and facts catch up.
const TOLD_WAITS: [&str; 9] =
    ["Approval", "Window", "Person", "Hold", "Stop", "Sessions", "Claim", "Preflight", "Overdue"];

impl Teller {
    /// A change was created.
    pub(super) fn change_created(&mut self, at: Timestamp, change: &std::sync::Arc<Value>) {
        let spec = &change["spec"];
        let text = |field: &str| spec[field].as_str().unwrap_or_default().to_owned();
        let steps = spec["steps"].as_array().map_or(0, Vec::len);
        let (from, to, hash) = (text("from"), text("to"), text("planHash"));
        let short: String = hash.chars().take(6).collect();
        self.change = Some(std::sync::Arc::clone(change));
        let standing = self.standing_mut();
        standing.change = change["metadata"]["name"].as_str().map(str::to_owned);
        standing.hop = Some((from.clone(), to.clone()));
        standing.steps = steps;
        standing.verified = 0;
        standing.step = None;
        let what = match spec["purpose"].as_str() {
            Some("Configure") => format!("settings at {to}"),
            Some("Correct") => format!("correction at {to}"),
            Some("Restore") => format!("restore of {to}"),
            Some("Forward") => format!("forward to {to}"),
            _ => format!("{from} -> {to}"),
        };
        self.tell(at, Place::default(), What::Planned, format!("{what}: {steps} steps, plan {short}"));
    }

    /// The record of a change was written.
    pub(super) fn change_recorded(&mut self, at: Timestamp, old: &Value, new: &Value) {
        let (before, after) = (&old["status"], &new["status"]);
        self.stand(after);
        let steps = changed_steps(before, after);
        for (earlier, step) in steps.iter().filter(|(earlier, _)| earlier.is_some()) {
            self.step_over(at, *earlier, step);
        }
        if before["backingOut"].is_null()
            && let Some(reason) = after["backingOut"].as_str()
        {
            self.tell(at, Place::default(), What::BacksOut, reason);
        }
        self.wait_over(at, after);
        for (earlier, step) in &steps {
            self.step_begun(at, *earlier, step);
        }
        self.wait_begins(at, after);
        if before["phase"] != after["phase"] {
            self.phase_changed(at, before, after);
        }
    }

    /// How the site stands now.
    fn stand(&mut self, status: &Value) {
        let change = self.change.clone();
        let steps = change.as_ref().and_then(|change| change["spec"]["steps"].as_array());
        let place = |id: &str| steps.and_then(|steps| steps.iter().position(|step| step["id"] == id));
        let step = status["step"].as_str().and_then(|id| {
            let number = place(id)?;
            let step = steps?.get(number)?;
            let text = |field: &str| step[field].as_str().unwrap_or_default().to_owned();
            let by = match &step["executor"] {
                executor if executor["agent"].is_object() => "agent",
                executor if executor["attended"].is_object() => "person",
                _ => "controller",
            };
            let node = step["node"].as_str().map(str::to_owned);
            Some(StepStanding {
                number: number + 1,
                id: id.to_owned(),
                title: text("title"),
                by,
                node,
                why: text("why"),
            })
        });
        let waiting = status["waiting"].as_object().map(|waiting| {
            let text = |field: &str| waiting.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            WaitStanding { reason: text("reason"), message: text("message"), ended_by: text("endedBy") }
        });
        let verified = status["steps"]
            .as_array()
            .map_or(0, |steps| steps.iter().filter(|step| step["phase"] == "Verified").count());
        let phase = status["phase"].as_str().unwrap_or_default().to_owned();
        let standing = self.standing_mut();
        (standing.step, standing.waiting, standing.verified, standing.phase) = (step, waiting, verified, phase);
    }

    fn pinned(&self, id: &str, field: &str) -> String {
        let steps = self.change.as_ref().and_then(|change| change["spec"]["steps"].as_array());
        let step = steps.and_then(|steps| steps.iter().find(|step| step["id"] == id));
        step.and_then(|step| step[field].as_str()).unwrap_or_default().to_owned()
    }

    fn reason_of(&self, id: &str) -> String {
        let steps = self.change.as_ref().and_then(|change| change["spec"]["steps"].as_array());
        let step = steps.and_then(|steps| steps.iter().find(|step| step["id"] == id));
        let rules = step.and_then(|step| step["rules"].as_array());
        // The sources of the rules stand in the plan; here their names are enough.
        let named = rules.into_iter().flatten().filter_map(Value::as_str);
        let mut names: Vec<&str> = named.map(|rule| rule.split(" (").next().unwrap_or(rule)).collect();
        names.dedup();
        let rules = if names.is_empty() { String::new() } else { format!(" [{}]", names.join(", ")) };
        let (title, why) = (self.pinned(id, "title"), self.pinned(id, "why"));
        if why.is_empty() { format!("{title}{rules}") } else { format!("{title}; {why}{rules}") }
    }

    /// A step is over: verified, failed or taken back.
    fn step_over(&mut self, at: Timestamp, old: Option<&Value>, new: &Value) {
        let id = new["id"].as_str().unwrap_or_default();
        let place = Place::of_step(id);
        let evidence = new["evidence"].as_str().unwrap_or_default();
        if old.is_some_and(|old| old["phase"] == new["phase"]) {
            return;
        }
        match new["phase"].as_str().unwrap_or_default() {
            "Verified" => self.tell(at, place, What::Verified, evidence),
            "Failed" => {
                let outcome = new["outcome"].as_str().unwrap_or("Unknown").to_lowercase();
                self.tell(at, place, What::Failed, format!("{outcome}: {evidence}"));
            }
            "Undone" => self.tell(at, place, What::TakenBack, evidence),
            _ => {}
        }
    }

    /// A step is under way: begun, begun again, or being taken back.
    fn step_begun(&mut self, at: Timestamp, old: Option<&Value>, new: &Value) {
        let id = new["id"].as_str().unwrap_or_default();
        let place = Place::of_step(id);
        let Some(old) = old else {
            self.tell(at, place, What::Started, self.reason_of(id));
            // It can be begun and proven in one look.
            return self.step_over(at, None, new);
        };
        let attempt = |step: &Value| step["attempt"].as_i64().unwrap_or(0);
        match new["phase"].as_str().unwrap_or_default() {
            "Started" if attempt(old) < attempt(new) => {
                let allowed = new["grantedBy"].as_str().map(|who| format!(", allowed by {who}")).unwrap_or_default();
                self.tell(at, place, What::TriedAgain, format!("try {}{allowed}", attempt(new)));
            }
            "Undoing" if old["phase"] != new["phase"] => {
                let title = self.pinned(id, "title");
                self.tell(at, place, What::TakingBack, title);
            }
            _ => {}
        }
    }

    fn wait_begins(&mut self, at: Timestamp, status: &Value) {
        let waiting = &status["waiting"];
        let text = |field: &str| waiting[field].as_str().unwrap_or_default();
        let reason = text("reason");
        if !TOLD_WAITS.contains(&reason) || self.waiting.is_some() {
            return;
        }
        let key = format!("{reason} {}", status["step"].as_str().unwrap_or_default());
        self.waiting = Some((key, at));
        let place = status["step"].as_str().map(Place::of_step).unwrap_or_default();
        self.tell(at, place, What::Waits, format!("{} Ended by: {}", sentence(text("message")), text("endedBy")));
    }

    fn wait_over(&mut self, at: Timestamp, status: &Value) {
        let Some((key, since)) = self.waiting.clone() else { return };
        let reason = status["waiting"]["reason"].as_str().unwrap_or_default();
        let now = format!("{reason} {}", status["step"].as_str().unwrap_or_default());
        if now == key {
            return;
        }
        self.waiting = None;
        let (reason, step) = key.split_once(' ').unwrap_or((&key, ""));
        let place = if step.is_empty() { Place::default() } else { Place::of_step(step) };
        let waited = duration_text(at.duration_since(since));
        self.tell(at, place, What::GoesOn, format!("waited {waited} for: {}", reason.to_lowercase()));
    }

    fn phase_changed(&mut self, at: Timestamp, old: &Value, new: &Value) {
        let succeeded = |status: &Value| {
            let all = status["conditions"].as_array();
            let found =
                all.and_then(|all| all.iter().find(|one| one["type"] == "Succeeded" || one["type"] == "Stalled"));
            let stalled = all.and_then(|all| all.iter().find(|one| one["type"] == "Stalled")).or(found);
            stalled.and_then(|one| one["message"].as_str()).unwrap_or_default().to_owned()
        };
        match new["phase"].as_str().unwrap_or_default() {
            "Halted" => self.tell(at, Place::default(), What::Halted, succeeded(new)),
            "Succeeded" => self.tell(at, Place::default(), What::Succeeded, succeeded(new)),
            "Failed" => self.tell(at, Place::default(), What::BackedOut, succeeded(new)),
            "Superseded" => self.tell(at, Place::default(), What::Superseded, succeeded(new)),
            _ if old["phase"] == "Halted" => {
                self.tell(at, Place::default(), What::Resumed, "it goes on");
            }
            _ => {}
        }
    }
}

/// The steps whose results differ, each with its earlier result.
fn changed_steps<'a>(before: &'a Value, after: &'a Value) -> Vec<(Option<&'a Value>, &'a Value)> {
    let list = |status: &'a Value| status["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let steps = list(after).iter().map(|step| {
        let earlier = list(before).iter().find(|earlier| earlier["id"] == step["id"]);
        (earlier, step)
    });
    steps.filter(|(earlier, step)| *earlier != Some(*step)).collect()
}

fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

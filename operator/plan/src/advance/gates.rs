//! What has to be passed before a step starts: approval, window, checks, point of no return.

use crm_api::change::{Gate, Purpose, Step, StepResult};
use crm_api::condition::{self, Kind};
use crm_api::site::{ApprovalScope, Finding, ObservedPart, PartState, Severity};
use jiff::SignedDuration;

use super::{Flow, LOOK_AGAIN, LOOK_AGAIN_ANYWAY, LOOK_AGAIN_SOON, Run, SUPERSEDED};
use crate::hash::short;
use crate::propose::restore_minutes;
use crate::said;
use crate::view::part_key;
use crate::windows::{Opening, local, opening};

impl Run<'_> {
    pub(super) fn pass_gate(&mut self, step: &Step) -> Flow {
        match step.gate {
            None => Flow::GoOn,
            Some(Gate::Approval) => self.pass_approval(),
            Some(Gate::Window) => self.pass_window(step),
            Some(Gate::PointOfNoReturn) => self.pass_point_of_no_return(step),
        }
    }

    fn pass_approval(&mut self) -> Flow {
        let (view, change) = (self.view, &self.change.spec);
        let approvals = said::approvals(view, change);
        let needed = said::approvals_needed(view);
        if approvals.len() >= needed {
            let names: Vec<String> = approvals.into_iter().map(said::signed).collect();
            self.out.status.approved_by = Some(super::clip(names.join(", ")));
            return Flow::GoOn;
        }
        let notices: String =
            change.notices.iter().map(|notice| format!(". {}", notice.trim_end_matches('.'))).collect();
        let plan = short(&change.plan_hash);
        let (what, or_path) = if view.spec.approval.scope == ApprovalScope::Path {
            let path = short(&change.path_hash);
            let what = format!("plan {plan}, a hop of the path {} (path {path}),", change.path.join(" -> "));
            (what, format!("... for this hop, or {path}... for the whole path"))
        } else {
            (format!("plan {plan}"), "...".to_owned())
        };
        let who = match (needed, approvals.first()) {
            (1, _) => "an approver".to_owned(),
            (_, None) => "two approvers".to_owned(),
            (_, Some(first)) => format!("a second approver ({} has approved)", first.spec.user),
        };
        let message = format!("{what} waits for approval{notices}");
        let ended_by = format!("{who}, with a CrmDecision: word Approve, planHash {plan}{or_path}");
        self.announce("ApprovalNeeded", message.clone(), false);
        self.wait_while_closed("Approval", message, ended_by, LOOK_AGAIN_ANYWAY)
    }

    /// A stop stands between any two steps, whatever the change is doing.
    pub(super) fn pass_stop(&mut self) -> Flow {
        let Some(stop) = said::stop(self.view) else { return Flow::GoOn };
        let message = format!("stopped by {}: {}", stop.user, stop.reason);
        let ended_by = format!("whoever deletes the CrmDecision {}", stop.decision);
        self.wait("Stop", message, ended_by, None, LOOK_AGAIN_ANYWAY)
    }

    /// A hold keeps a change from being entered, and from passing the point of no return.
    fn pass_hold(&mut self) -> Flow {
        let Some(hold) = said::hold(self.view) else { return Flow::GoOn };
        let message = format!("held by {}: {}", hold.user, hold.reason);
        let ended_by = format!("a CrmDecision with word Resume for {}", self.view.name());
        let flow = self.wait_while_closed("Hold", message, ended_by, LOOK_AGAIN_ANYWAY);
        if let Some(until) = &hold.until {
            self.wake(until.0);
        }
        flow
    }

    fn pass_window(&mut self, step: &Step) -> Flow {
        // An approval may have expired since its own gate: whoever begins a change has one that stands.
        let asks = self.change.spec.steps.iter().any(|step| step.gate == Some(Gate::Approval));
        if self.pass_hold() == Flow::Wait || (asks && self.pass_approval() == Flow::Wait) {
            return Flow::Wait;
        }
        if let Some(by) = said::window_override(self.view, &self.change.spec.plan_hash) {
            self.out.status.overridden_by = Some(by);
            return self.pass_checks();
        }
        self.out.status.overridden_by = None;
        let needed = self.minutes_from(step).saturating_add(restore_minutes(&self.change.spec.steps));
        let windows = self.view.spec.windows.as_ref();
        match opening(windows, needed, self.view.now) {
            Ok(Opening::Open { .. }) => self.pass_checks(),
            Ok(Opening::Closed { why, .. }) if self.may_back_out() => self
                .start_back_out(format!("{SUPERSEDED}: this hop does not fit any more, another window follows: {why}")),
            Ok(Opening::Closed { why, next }) => {
                let when = next.map_or_else(|| "no opening".to_owned(), |at| local(windows, at));
                let message = format!("{why}; next opening: {when}");
                let flow = self.wait("Window", message, "time".to_owned(), None, SignedDuration::from_hours(1));
                if let Some(next) = next {
                    self.wake(next);
                }
                flow
            }
            Err(bad) => self.wait_while_closed(
                "Window",
                bad.to_string(),
                "whoever edits the site's spec".to_owned(),
                LOOK_AGAIN,
            ),
        }
    }

    /// What was checked when the plan was made is checked again before anybody feels anything.
    pub(super) fn pass_checks(&mut self) -> Flow {
        let catalogue = &self.view.catalogue;
        let (Some(from), Some(to)) = (catalogue.find(&self.change.spec.from), catalogue.find(&self.change.spec.to))
        else {
            let message = "a release of this plan has vanished from the catalogue".to_owned();
            return self.wait_while_closed(
                "Preflight",
                message,
                "an administrator who puts it back".to_owned(),
                LOOK_AGAIN,
            );
        };
        let absent: Vec<String> =
            self.parts.iter().filter(|part| part.state == PartState::Absent).map(part_key).collect();
        let is_behind = |part: &&ObservedPart| part.version.as_deref() != Some(to.number.as_str());
        let forward = self.change.spec.purpose == Purpose::Forward;
        let behind: Vec<String> = self.parts.iter().filter(|_| forward).filter(is_behind).map(part_key).collect();
        let hop = crate::products::Hop {
            fast_cgi_now: self.rules.fast_cgi(self.view),
            fast_cgi: self.change.spec.fast_cgi,
            absent: &absent,
            installs: &self.change.spec.installs,
            behind: &behind,
            corrects: &self.change.spec.corrects,
            takes_over: self.change.spec.takes_over.as_deref(),
            ..crate::products::Hop::between(self.change.spec.purpose, from, to)
        };
        // A half-done site is finished, and drift is taken away, wherever the declared path leads afterwards.
        let alone = forward || self.change.spec.purpose == Purpose::Correct;
        let findings = if alone { self.rules.checks(self.view, &hop) } else { crate::path::checked(self.view, &hop) };
        let blocking: Vec<String> =
            findings.iter().filter(|finding| finding.severity == Severity::Block).map(Finding::sentence).collect();
        if blocking.is_empty() {
            return Flow::GoOn;
        }
        let message = blocking.join("; ");
        self.announce("PreflightBlocked", message.clone(), true);
        let ended_by = "whoever mends it; it is looked at again by itself".to_owned();
        self.wait_while_closed("Preflight", message, ended_by, LOOK_AGAIN)
    }

    fn pass_point_of_no_return(&mut self, step: &Step) -> Flow {
        if self.change.spec.purpose == Purpose::Restore {
            // It was decided by a person or by policy, and its set was proven; users are out already.
            return self.pass_alone();
        }
        let verified = self.backup().is_some_and(|backup| {
            backup.status.as_ref().is_some_and(|status| {
                // The declared verification, or more.
                status.verification >= Some(self.view.spec.backup.verification)
                    && condition::is_true(&status.conditions, Kind::Verified)
            })
        });
        if !verified {
            // The record of the set is written in the round that verified it.
            let message = "the backup set is not recorded as verified yet".to_owned();
            return self.wait_while_closed("Backup", message, "the operator".to_owned(), LOOK_AGAIN_SOON);
        }
        let flow = self.pass_alone();
        if flow == Flow::Wait {
            return flow;
        }
        if self.pass_hold() == Flow::Wait {
            return Flow::Wait;
        }
        if self.out.status.overridden_by.is_some() {
            // Whoever let the change begin outside the windows has let all of it.
            return Flow::GoOn;
        }
        let needed = self.minutes_from(step).saturating_add(restore_minutes(&self.change.spec.steps));
        match opening(self.view.spec.windows.as_ref(), needed, self.view.now) {
            Ok(Opening::Open { .. }) => Flow::GoOn,
            Ok(Opening::Closed { why, .. }) => {
                self.start_back_out(format!("no room before the point of no return: {why}"))
            }
            Err(bad) => self.start_back_out(bad.to_string()),
        }
    }

    /// The database itself shows that nobody but the operator is connected.
    pub(super) fn pass_alone(&mut self) -> Flow {
        let Some(database) = self.view.database() else {
            return self.wait_for_facts("the database cannot be read".to_owned());
        };
        if database.sessions.is_empty() {
            return Flow::GoOn;
        }
        let who: Vec<String> = database
            .sessions
            .iter()
            .take(5)
            .map(|session| {
                format!("{} on {} (login {}, session {})", session.program, session.host, session.login, session.id)
            })
            .collect();
        let message = format!("{} sessions are still on the database: {}", database.sessions.len(), who.join(", "));
        self.wait_while_closed("Sessions", message, "whoever uses these programs".to_owned(), LOOK_AGAIN)
    }

    /// What the first try of a destructive step had to pass holds for every further one: the declaration is the same,
    /// nobody else is on the database, facts are fresh and as predicted.
    pub(super) fn pass_again(&mut self, step: &Step, result: &StepResult) -> Flow {
        if result.attempt == 1 || !step.destructive {
            return Flow::GoOn;
        }
        if self.refuse_edited() == Flow::Wait {
            return Flow::Wait;
        }
        if step.gate == Some(Gate::PointOfNoReturn) && self.pass_alone() == Flow::Wait {
            return Flow::Wait;
        }
        self.pass_facts(step)
    }

    fn minutes_from(&self, step: &Step) -> i32 {
        self.change.spec.steps.iter().skip_while(|other| other.id != step.id).map(|step| step.minutes).sum()
    }

    /// Decides that everything is taken back.
    pub(super) fn start_back_out(&mut self, reason: String) -> Flow {
        if !reason.starts_with(SUPERSEDED) {
            self.announce("BackingOut", format!("everything is taken back: {reason}"), true);
        }
        self.out.status.backing_out = Some(super::clip(reason));
        Flow::Wait
    }
}

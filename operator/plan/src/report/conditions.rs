//! The conditions of a site, one function each: what people wait for, and why it is so.

use crm_api::change::{ChangePhase, CrmChange, CrmChangeSpec, CrmChangeStatus, Purpose};
use crm_api::condition::{Kind, State, Wanted};
use crm_api::site::{Finding, StandingWord};

use super::Round;
use crate::drift;
use crate::intent::Standing;
use crate::products;
use crate::view::View;
use crate::windows::local;

pub(super) fn ready(view: &View<'_>, round: &Round<'_>, findings: &[Finding]) -> Wanted {
    let wanted = |state, reason, message: String| Wanted { kind: Kind::Ready, state, reason, message };
    if let Some((_, status)) = round.change {
        // Until the change is over nothing is proven: users may be back, and the site is not yet what it was or will be.
        let stays_closed = status.handed_over_to.is_some() && status.opened_at.is_none();
        if status.closed_at.is_some() && (!status.phase.is_over() || stays_closed) {
            let message = format!("a change has the site, users were out from {}", at(view, status));
            return wanted(State::False, "PlannedDowntime", message);
        }
    }
    if let Standing::Observing { missing } = round.standing {
        return wanted(State::Unknown, "Observing", missing.join("; "));
    }
    if round.change.is_some_and(|(change, status)| is_finishing(change, status)) {
        return wanted(State::False, "HalfDone", "what other hands left half done is being finished".to_owned());
    }
    let Some(verified) = &round.verified else {
        return wanted(State::Unknown, "NotVerified", "the site was never proven to be at a release".to_owned());
    };
    match findings.iter().find(|finding| drift::counts(finding)) {
        Some(finding) => wanted(State::False, "Degraded", format!("{} ({})", finding.message, finding.remedy)),
        None => wanted(State::True, "Healthy", format!("healthy at {}", verified.version)),
    }
}

/// A correction leads to no other release: a site that is where it is declared to be stays so meanwhile.
fn correcting(view: &View<'_>, change: &CrmChangeSpec) -> Wanted {
    let declared = view.catalogue.find(&view.spec.version).map(|release| release.version.as_str());
    let is_there = declared == Some(change.to.as_str()) && products::of(view.spec.product).differences(view).is_empty();
    let (state, reason, where_it_is) =
        if is_there { (State::True, "AsDeclared", ", as declared") } else { (State::False, "Correcting", "") };
    let message = format!("the site is at {}{where_it_is}; drift is being taken away", change.to);
    Wanted { kind: Kind::UpToDate, state, reason, message }
}

fn is_finishing(change: &CrmChange, status: &CrmChangeStatus) -> bool {
    change.spec.purpose == Purpose::Forward && !status.phase.is_over()
}

fn at(view: &View<'_>, status: &CrmChangeStatus) -> String {
    status.closed_at.as_ref().map(|at| local(view.spec.windows.as_ref(), at.0)).unwrap_or_default()
}

pub(super) fn up_to_date(view: &View<'_>, round: &Round<'_>) -> Wanted {
    let wanted = |state, reason, message: String| Wanted { kind: Kind::UpToDate, state, reason, message };
    match round.standing {
        Standing::Settled => {
            wanted(State::True, "AsDeclared", format!("the site is at {}, as declared", view.spec.version))
        }
        Standing::Observing { missing } => wanted(State::Unknown, "Observing", missing.join("; ")),
        Standing::Refused { findings } => {
            let text: Vec<String> = findings.iter().map(Finding::sentence).collect();
            wanted(State::False, "Refused", text.join("; "))
        }
        Standing::HalfDone { found } => {
            wanted(State::False, "HalfDone", format!("{}: {}", found.reason(), found.message()))
        }
        Standing::Proposed { change, .. } if change.purpose == Purpose::Correct => correcting(view, change),
        Standing::Proposed { change, .. } => {
            wanted(State::False, "Planned", format!("{} -> {} is planned", change.from, change.to))
        }
        Standing::Halted { reason, remedy, .. } => wanted(State::False, "Halted", format!("{reason}. {remedy}")),
        Standing::Restored { change, remedy } => wanted(
            State::False,
            "RestoredAwaitingDecision",
            format!("everything came back by {change}, and {} is still declared: {remedy}", view.spec.version),
        ),
        Standing::Underway { .. }
            if round.change.is_some_and(|(change, _)| change.spec.purpose == Purpose::Correct) =>
        {
            let plan = round.change.map(|(change, _)| &change.spec);
            plan.map_or_else(|| wanted(State::False, "Correcting", String::new()), |plan| correcting(view, plan))
        }
        Standing::Underway { waiting, .. } => {
            let reason = match waiting.as_ref().map(|waiting| waiting.reason.as_str()) {
                Some("Approval") => "AwaitingApproval",
                Some("Window") => "OutsideWindow",
                Some("Preflight") => "PreflightBlocked",
                Some("Claim") => "Queued",
                Some("Stop") => "Stopped",
                Some("Hold") => "Held",
                Some(_) | None => "Changing",
            };
            let message = waiting.as_ref().map_or_else(String::new, |waiting| waiting.message.clone());
            wanted(State::False, reason, message)
        }
    }
}

pub(super) fn drifted(findings: &[Finding], round: &Round<'_>) -> Wanted {
    let wanted = |state, reason, message: String| Wanted { kind: Kind::Drifted, state, reason, message };
    let drift: Vec<&str> =
        findings.iter().filter(|finding| drift::counts(finding)).map(|finding| finding.message.as_str()).collect();
    if matches!(round.standing, Standing::Observing { .. }) || round.verified.is_none() && drift.is_empty() {
        return wanted(State::Unknown, "Observing", "too little was seen yet".to_owned());
    }
    if round.change.is_some_and(|(change, status)| is_finishing(change, status)) {
        return wanted(State::True, "HalfDone", "what other hands left half done is being finished".to_owned());
    }
    if drift.is_empty() {
        wanted(State::False, "AsVerified", "observed is what was verified".to_owned())
    } else {
        wanted(State::True, "Differs", drift.join("; "))
    }
}

/// A stop says at each site whether it leaves it closed.
pub(super) fn stopped(view: &View<'_>, round: &Round<'_>, stop: &StandingWord) -> Wanted {
    let closed = round
        .change
        .filter(|(_, status)| status.closed_at.is_some() && status.opened_at.is_none() && !status.phase.is_over());
    let (reason, left) = match closed {
        Some((_, status)) => ("LeftClosed", format!("users are out since {}", at(view, status))),
        None => ("LeftOpen", "users can work".to_owned()),
    };
    let message = format!(
        "{} stopped everything on {}: {}; {left}. Deleting the CrmDecision {} ends it",
        stop.user,
        local(view.spec.windows.as_ref(), stop.since.0),
        stop.reason,
        stop.decision
    );
    Wanted { kind: Kind::Stopped, state: State::True, reason, message }
}

pub(super) fn held(view: &View<'_>, hold: &StandingWord) -> Wanted {
    let local = |at: &crm_api::Time| local(view.spec.windows.as_ref(), at.0);
    let until = hold.until.as_ref().map_or_else(|| "somebody says Resume".to_owned(), local);
    let message = format!("{} holds the site since {}, until {until}: {}", hold.user, local(&hold.since), hold.reason);
    Wanted { kind: Kind::Held, state: State::True, reason: "Held", message }
}

pub(super) fn fresh(view: &View<'_>) -> Wanted {
    let mut silent: Vec<String> = view
        .node_names()
        .into_iter()
        .filter(|node| !view.is_fresh(node))
        .map(|node| format!("the agent of {node} is silent"))
        .collect();
    if let Err(why) = &view.snapshot.database {
        silent.push(format!("the database cannot be read: {why}"));
    }
    let (state, reason) = if silent.is_empty() { (State::True, "Heard") } else { (State::False, "Silent") };
    let message = if silent.is_empty() { "agents and database were heard".to_owned() } else { silent.join("; ") };
    Wanted { kind: Kind::FactsFresh, state, reason, message }
}

/// `Reconciling` and `Stalled` stand there only while they apply. Waiting for a window, an approval or a claim is
/// neither.
pub(super) fn activity(round: &Round<'_>) -> Option<Wanted> {
    match round.standing {
        Standing::Observing { missing } if round.verified.is_none() => Some(Wanted {
            kind: Kind::Reconciling,
            state: State::True,
            reason: "Observing",
            message: missing.join("; "),
        }),
        Standing::Proposed { .. } => Some(Wanted {
            kind: Kind::Reconciling,
            state: State::True,
            reason: "Planned",
            message: "a change is about to be created".to_owned(),
        }),
        Standing::Underway { waiting, .. } => {
            let at_work = round
                .change
                .is_some_and(|(_, status)| matches!(status.phase, ChangePhase::Changing | ChangePhase::BackingOut));
            at_work.then(|| Wanted {
                kind: Kind::Reconciling,
                state: State::True,
                reason: "Changing",
                message: waiting.as_ref().map_or_else(String::new, |waiting| waiting.message.clone()),
            })
        }
        Standing::Refused { findings } => Some(Wanted {
            kind: Kind::Stalled,
            state: State::True,
            reason: "Refused",
            message: findings
                .first()
                .map_or_else(String::new, |finding| format!("{} ({})", finding.message, finding.remedy)),
        }),
        Standing::HalfDone { found } => {
            Some(Wanted { kind: Kind::Stalled, state: State::True, reason: "HalfDone", message: found.remedy() })
        }
        Standing::Halted { reason, remedy, .. } => Some(Wanted {
            kind: Kind::Stalled,
            state: State::True,
            reason: "Halted",
            message: format!("{reason}. {remedy}"),
        }),
        Standing::Settled | Standing::Observing { .. } | Standing::Restored { .. } => None,
    }
}

pub(super) fn half_done(round: &Round<'_>) -> Option<Wanted> {
    let Standing::HalfDone { found } = round.standing else { return None };
    let message = format!("{}. {}", found.message(), found.remedy());
    Some(Wanted { kind: Kind::HalfDone, state: State::True, reason: found.reason(), message })
}

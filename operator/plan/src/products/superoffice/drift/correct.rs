//! Which drift is brought back by itself, and when: never a version, never what somebody may have done on purpose.

use crm_api::probe::{Answer, Probe, StartType};
use crm_api::site::{Component, DriftClass, FastCgi, Finding};
use jiff::SignedDuration;

use super::check;
use crate::products::Correctable;
use crate::products::superoffice::half_done::at_work;
use crate::products::superoffice::layout::{FROZEN, Layout};
use crate::products::superoffice::{parts, settings};
use crate::view::View;

/// Minutes for which `frozen` must have stood with nobody at work, where the site does not say.
const QUIET_MINUTES: i32 = 60;

/// Whether and when a finding can be taken away without a person.
#[must_use]
pub fn correctable(view: &View<'_>, layout: &Layout<'_>, finding: &Finding) -> Correctable {
    let node = finding.node.as_deref();
    match (finding.check.as_str(), node) {
        (check::FROZEN, Some(node)) => frozen(view, layout, node),
        (check::SCHEDULER_STOPPED, Some(node)) => stopped(view, layout, node),
        (check::SCHEDULER_HEARTBEAT, Some(_)) => unless_at_work(view, layout, Correctable::InWindow),
        (check::HANDLERS, Some(_)) => handlers(view, layout),
        (check::HANDLERS_STAY, Some(_)) => leftovers(view, layout),
        (check::LINKS, None) => links(view, layout),
        // Service works through another address from then on.
        (check::ENDPOINT, Some(_)) => unless_at_work(view, layout, Correctable::InWindow),
        (_, _) => Correctable::No,
    }
}

/// Handlers go only where links do not lead to them; who has set them up again may look at just that.
fn leftovers(view: &View<'_>, layout: &Layout<'_>) -> Correctable {
    if parts::fast_cgi(view) != Some(FastCgi::Disabled) {
        return Correctable::NotYet("links are not known to end in .exe".to_owned());
    }
    unless_at_work(view, layout, Correctable::InWindow)
}

/// Somebody who works on Service by hand has closed it and stopped its scheduler: nothing is put right under their hands.
fn unless_at_work(view: &View<'_>, layout: &Layout<'_>, otherwise: Correctable) -> Correctable {
    for node in view.nodes_of(Component::Service) {
        let running = at_work(view, layout, node);
        if !running.is_empty() {
            return Correctable::NotYet(format!("somebody is at work on {node}: {} runs", running.join(" and ")));
        }
        let probe = Probe::FlagLine { path: layout.config(), line: FROZEN.to_owned() };
        if matches!(view.answer(node, &probe), Some(Answer::Flag { set: true })) {
            return Correctable::NotYet(format!("Service is frozen on {node}: somebody may be at work on it"));
        }
    }
    otherwise
}

/// Nobody holds it: it has stood for the declared time, and no program that a person starts runs there.
fn frozen(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Correctable {
    let running = at_work(view, layout, node);
    if !running.is_empty() {
        return Correctable::NotYet(format!("somebody is at work on {node}: {} runs", running.join(" and ")));
    }
    let policy = view.spec.drift.iter().find(|policy| policy.class == DriftClass::Frozen);
    let minutes = policy.and_then(|policy| policy.quiet_minutes).unwrap_or(QUIET_MINUTES);
    let probe = Probe::FlagLine { path: layout.config(), line: FROZEN.to_owned() };
    let quiet = view.observation(node, &probe).map(|seen| view.now.duration_since(seen.since.0));
    if quiet.is_none_or(|quiet| quiet < SignedDuration::from_mins(i64::from(minutes))) {
        return Correctable::NotYet(format!("it must have stood for {minutes} minutes with nobody at work"));
    }
    Correctable::InWindow
}

/// A service that is disabled was disabled by somebody on purpose.
fn stopped(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Correctable {
    let probe = Probe::Service { name: layout.scheduler.clone() };
    match view.answer(node, &probe) {
        Some(Answer::Service { start: StartType::Disabled, .. }) => {
            Correctable::NotYet("its start type is Disabled: somebody wants it off".to_owned())
        }
        Some(Answer::Service { .. }) => unless_at_work(view, layout, Correctable::AtOnce),
        _ => Correctable::No,
    }
}

/// Handlers are for whoever declares them, or leaves them as they were proven; a declared change of them comes first.
fn handlers(view: &View<'_>, layout: &Layout<'_>) -> Correctable {
    match view.spec.fast_cgi {
        Some(FastCgi::Disabled) => Correctable::No,
        Some(FastCgi::Enabled) | None => unless_at_work(view, layout, Correctable::AtOnce),
    }
}

/// The row comes back to what was proven; links end in `.fcgi` only where every program has its handler.
fn links(view: &View<'_>, layout: &Layout<'_>) -> Correctable {
    let verified = super::verified_fast_cgi(view);
    if view.spec.fast_cgi.is_some() && view.spec.fast_cgi != verified || parts::fast_cgi(view).is_none() {
        return Correctable::No;
    }
    let lacking =
        view.nodes_of(Component::Service).iter().find(|node| settings::lacking_handlers(view, layout, node).is_some());
    match (verified, lacking) {
        (Some(FastCgi::Enabled), Some(node)) => {
            Correctable::NotYet(format!("programs on {node} have no FastCGI handler yet"))
        }
        (Some(_), _) => unless_at_work(view, layout, Correctable::AtOnce),
        (None, _) => Correctable::No,
    }
}

//! Drift at rest, judged by the site's policy per class.

use crm_api::site::{DriftAction, DriftPolicy, Finding, Severity};

use crate::correct;
use crate::products::{self, Correctable};
use crate::view::View;
use crate::windows::local;

/// What differs from the verified state. What the policy ignores until a date is still shown, for the record.
#[must_use]
pub fn at_rest(view: &View<'_>) -> Vec<Finding> {
    seen(view).into_iter().map(|finding| dated(view, judged(view, finding))).collect()
}

/// The same before any policy has looked at it.
pub(crate) fn seen(view: &View<'_>) -> Vec<Finding> {
    products::of(view.spec.product).drift(view)
}

/// Whether a finding is drift that counts: one that is ignored is for the record only.
#[must_use]
pub fn counts(finding: &Finding) -> bool {
    finding.class.is_some() && finding.severity != Severity::Info
}

/// What a finding is known by from one look to the next: `Check`, or `Check@node`.
#[must_use]
pub fn key(finding: &Finding) -> String {
    match &finding.node {
        Some(node) => format!("{}@{node}", finding.check),
        None => finding.check.clone(),
    }
}

/// The site's policy about the class of a finding.
pub(crate) fn policy_of<'a>(view: &View<'a>, finding: &Finding) -> Option<&'a DriftPolicy> {
    view.spec.drift.iter().find(|policy| Some(policy.class.name()) == finding.class.as_deref())
}

/// With the moment at which it was first seen.
pub(crate) fn dated(view: &View<'_>, mut finding: Finding) -> Finding {
    let known = view.snapshot.site.status.iter().flat_map(|status| &status.findings);
    let before = known.filter(|known| known.class.is_some()).find(|known| key(known) == key(&finding));
    let since = before.and_then(|before| before.since.clone());
    finding.since = Some(since.unwrap_or_else(|| crm_api::Time::from(view.now)));
    finding.policy.get_or_insert_with(|| "Report".to_owned());
    finding
}

fn judged(view: &View<'_>, mut finding: Finding) -> Finding {
    let Some(policy) = policy_of(view, &finding) else {
        finding.policy = Some("Report".to_owned());
        return finding;
    };
    match (policy.action, &policy.until) {
        (DriftAction::Report, _) | (DriftAction::Ignore, None) => finding.policy = Some("Report".to_owned()),
        (DriftAction::Correct, _) => {
            finding.policy = Some("Correct".to_owned());
            finding.message.push_str(&corrected_when(view, &finding));
        }
        (DriftAction::Ignore, Some(until)) => {
            let reason = policy.reason.as_deref().unwrap_or("no reason given");
            let day = local(view.spec.windows.as_ref(), until.0);
            let note = if view.now < until.0 {
                finding.severity = Severity::Info;
                finding.policy = Some(format!("Ignore until {day}"));
                format!("; ignored until {day} because {reason}")
            } else {
                finding.policy = Some("Report".to_owned());
                format!("; it was ignored until {day} because {reason}")
            };
            finding.message.push_str(&note);
        }
    }
    finding
}

/// When a finding is taken away by itself, or why it is not.
fn corrected_when(view: &View<'_>, finding: &Finding) -> String {
    if let Some(again) = correct::tried_lately(view, &key(finding)) {
        return format!("; {again}");
    }
    match products::of(view.spec.product).correctable(view, finding) {
        Correctable::No => "; there is no correction for it".to_owned(),
        Correctable::NotYet(why) => format!("; it is not corrected yet: {why}"),
        Correctable::AtOnce => "; it is corrected at once".to_owned(),
        Correctable::InWindow => "; it is corrected inside a window".to_owned(),
    }
}

//! Drift at rest, judged by the site's policy per class.

use crm_api::site::{DriftAction, DriftClass, DriftPolicy, Finding, Severity};

use crate::products;
use crate::view::View;
use crate::windows::local;

/// What differs from the verified state. What the policy ignores until a date is still shown, for the record.
#[must_use]
pub fn at_rest(view: &View<'_>) -> Vec<Finding> {
    products::of(view.spec.product).drift(view).into_iter().map(|finding| judged(view, finding)).collect()
}

/// Whether a finding is drift that counts: one that is ignored is for the record only.
#[must_use]
pub fn counts(finding: &Finding) -> bool {
    finding.class.is_some() && finding.severity != Severity::Info
}

fn judged(view: &View<'_>, mut finding: Finding) -> Finding {
    let policy = |policy: &&DriftPolicy| Some(name(policy.class)) == finding.class.as_deref();
    let Some(policy) = view.spec.drift.iter().find(policy) else { return finding };
    match (policy.action, &policy.until) {
        (DriftAction::Report, _) | (DriftAction::Ignore, None) => {}
        (DriftAction::Ignore, Some(until)) => {
            let reason = policy.reason.as_deref().unwrap_or("no reason given");
            let day = local(view.spec.windows.as_ref(), until.0);
            let note = if view.now < until.0 {
                finding.severity = Severity::Info;
                format!("; ignored until {day} because {reason}")
            } else {
                format!("; it was ignored until {day} because {reason}")
            };
            finding.message.push_str(&note);
        }
    }
    finding
}

fn name(class: DriftClass) -> &'static str {
    match class {
        DriftClass::Frozen => "Frozen",
        DriftClass::Scheduler => "Scheduler",
        DriftClass::FastCgi => "FastCgi",
        DriftClass::Endpoint => "Endpoint",
        DriftClass::NetServer => "NetServer",
        DriftClass::DotNet => "DotNet",
        DriftClass::Licence => "Licence",
    }
}

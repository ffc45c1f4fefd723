//! Why there is no plan, and what would mend it.

use crm_api::order::FORMAT;
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Finding, ObservedPart, Severity, VerifiedState};

use crate::catalogue::NoPath;
use crate::view::View;

/// So many names of releases stand in a message at most.
const NAMES_SHOWN: usize = 8;

pub(super) fn version_finding(part: &ObservedPart, message: String) -> Finding {
    Finding {
        check: "OneRelease".to_owned(),
        class: Some("Version".to_owned()),
        severity: Severity::Block,
        node: part.node.clone(),
        message,
        remedy: "find out who changed it; bring all parts to one release by the vendor's guide, or restore".to_owned(),
        since: None,
        policy: None,
    }
}

/// A finding that blocks, about the site as a whole.
pub(crate) fn refusal(check: &str, message: String, remedy: String) -> Finding {
    Finding {
        check: check.to_owned(),
        class: None,
        severity: Severity::Block,
        node: None,
        message,
        remedy,
        since: None,
        policy: None,
    }
}

/// What stands in the way of any change, whatever is declared: another site on the same database, an agent that does not
/// understand our orders.
pub(crate) fn surroundings(view: &View<'_>) -> Vec<Finding> {
    let database = &view.spec.database;
    let others = view.snapshot.same_database.iter().map(|other| {
        refusal(
            "OneSite",
            format!(
                "spec.database: {} on {} is declared by CrmSite {other} as well, and a site is its database",
                database.name, database.server
            ),
            format!("correct spec.database of one of the two, or delete CrmSite {other} or this one; neither is changed before"),
        )
    });
    let too_old = view.node_names().into_iter().filter_map(|name| {
        let status = view.snapshot.node(name)?.node.status.as_ref()?;
        let old = status.observed_generation >= 0 && status.order_format < FORMAT;
        old.then(|| Finding {
            node: Some(name.to_owned()),
            ..refusal(
                "AgentFormat",
                format!(
                    "the agent of {name} ({}) understands orders up to format {}, and they are written in format {FORMAT}",
                    if status.agent_version.is_empty() { "no version" } else { &status.agent_version },
                    status.order_format
                ),
                format!("install the agent of this operator's version on {name}"),
            )
        })
    });
    others.chain(too_old).collect()
}

/// No release of the catalogue shows a number, or several do.
pub(super) fn unknown_number(view: &View<'_>, number: &str) -> Finding {
    let meant: Vec<String> = view
        .catalogue
        .meant_by(number)
        .iter()
        .map(|release| format!("{} ({})", release.version, release.number))
        .collect();
    if meant.is_empty() {
        let message = format!("the site is at {number}, and no release in the catalogue shows that number");
        return refusal("Catalogue", message, "add a CrmRelease with this number".to_owned());
    }
    refusal(
        "ReleaseNumber",
        format!("the site is at {number}, and programs of {} show that number", meant.join(" and ")),
        "correct spec.number of these CrmReleases, so that the first three numbers tell them apart, or delete all but one"
            .to_owned(),
    )
}

pub(super) fn unknown_version(view: &View<'_>) -> Finding {
    let nearest = view.catalogue.nearest(&view.spec.version);
    let remedy = if nearest.is_empty() {
        "apply the catalogue of releases first".to_owned()
    } else {
        format!("did you mean {}?", nearest.join(", "))
    };
    refusal("KnownVersion", format!("spec.version: {:?} is no release in the catalogue", view.spec.version), remedy)
}

pub(super) fn no_way(current: &CrmReleaseSpec, target: &CrmReleaseSpec, why: &NoPath) -> Finding {
    match why {
        NoPath::Downgrade => refusal(
            "Path",
            format!("spec.version: {} is older than {}, at which the site is", target.version, current.version),
            format!("declare {} or a later release; going back is only possible by a restore", current.version),
        ),
        NoPath::NotOnSite { next } => refusal(
            "Path",
            format!("spec.version: the vendor did not release {} for on-site", target.version),
            next.as_ref().map_or_else(
                || "declare a release that is for on-site".to_owned(),
                |next| format!("declare {next}, the next release for on-site"),
            ),
        ),
        NoPath::Unlisted { predecessors } if predecessors.is_empty() => refusal(
            "Path",
            format!("spec.version: the catalogue lists no way to {}", target.version),
            "declare another release, or add the predecessors that the vendor allows to the CrmRelease".to_owned(),
        ),
        NoPath::Unlisted { predecessors } => refusal(
            "Path",
            format!("spec.version: the catalogue lists no way from {} to {}", current.version, target.version),
            format!("{} may follow {}; declare one of these first", target.version, shown(predecessors)),
        ),
    }
}

/// The newest names of a list, oldest first.
pub(super) fn shown(names: &[String]) -> String {
    let newest = names.get(names.len().saturating_sub(NAMES_SHOWN)..).unwrap_or(names).join(", ");
    if names.len() > NAMES_SHOWN { format!("{newest} or an older one that its CrmRelease lists") } else { newest }
}

pub(super) fn moved_by_hand(verified: &VerifiedState, current: &CrmReleaseSpec) -> Finding {
    Finding {
        class: Some("Version".to_owned()),
        ..refusal(
            "VerifiedRelease",
            format!(
                "the site was proven at {} and is at {} now: somebody upgraded it by hand",
                verified.version, current.version
            ),
            format!("declare {}: then it is proven there and further changes are possible", current.version),
        )
    }
}

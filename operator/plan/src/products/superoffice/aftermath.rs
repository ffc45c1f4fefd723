//! Debts that a change leaves visible, and what it leaves for people to do.

use crm_api::condition::{Kind, State, Wanted};
use crm_api::decision::Word;
use crm_api::probe::Answer;
use crm_api::site::{Attachments, Component};

use super::layout::Layout;
use super::{clients, net_server, parts, pocket, settings};
use crate::view::View;

/// Attachments lie in sub-folders (only where there is a debt).
pub const ATTACHMENTS_REMAPPED: Kind = Kind::Debt("AttachmentsRemapped");
/// Edited customer-centre templates were merged again by a person (only where there is a debt).
pub const CUSTOMER_CENTRE_MERGED: Kind = Kind::Debt("CustomerCentreMerged");
/// What a person names as step when attesting that edited templates were merged again.
pub const CUSTOMER_CENTRE: &str = "customer-centre";

/// What people attest after a change, no step of its plan, and what it is that they say.
pub const AFTERWARDS: [(&str, &str); 2] = [
    (CUSTOMER_CENTRE, "that what people had edited in the customer centre's templates is merged again"),
    (
        clients::WINDOWS_CLIENTS,
        "how many Windows clients were brought to the release of the site, or taken away, as a number",
    ),
];

/// Conditions for debts: attachments in one flat folder, edited customer-centre templates that wait to be merged.
#[must_use]
pub fn debts(view: &View<'_>, layout: &Layout<'_>) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    if let Some(store) = settings::store(view).filter(|store| store.loose > 0) {
        let way = match layout.block.attachments {
            Some(Attachments::WhileOpen) => "a change of its own moves them while the site is open",
            Some(Attachments::DuringUpgrade) => "the next upgrade moves them",
            Some(Attachments::Deferred) | None => {
                "to have them moved while the site is open, declare attachments: WhileOpen"
            }
        };
        wanted.push(Wanted {
            kind: ATTACHMENTS_REMAPPED,
            state: State::False,
            reason: "Deferred",
            message: format!("{} attachments lie in one flat folder; {way}", store.loose),
        });
    }
    wanted.extend(templates_to_merge(view, layout));
    wanted.extend(clients::debt(view));
    wanted.extend(pocket::debt(view, layout));
    wanted
}

/// After an upgrade the public pages have the vendor's standard design; what people had edited lies in the newest
/// `templates_date_time` of each Service node (vendor: upgrade Service, customer center). The change that left it there
/// named it.
fn templates_to_merge(view: &View<'_>, layout: &Layout<'_>) -> Option<Wanted> {
    let (mut places, mut plan) = (Vec::new(), None);
    for node in view.nodes_of(Component::Service) {
        let Some(kept) = parts::kept_templates(view, layout, node) else { continue };
        let named =
            format!(r"{node}: the former customer-centre templates are kept in {}\{kept};", layout.service_path);
        let left_by = view.snapshot.changes.iter().rev().find(|change| {
            change.status.as_ref().is_some_and(|status| status.findings.iter().any(|text| text.starts_with(&named)))
        });
        let Some(change) = left_by.filter(|change| !is_attested(view, &change.spec.plan_hash)) else { continue };
        let files = match view.answer(node, &parts::changed_templates(layout, &kept)) {
            Some(Answer::Names { names }) if names.is_empty() => continue,
            Some(Answer::Names { names }) => names.join(", "),
            _ => "not read yet".to_owned(),
        };
        plan = Some(crate::hash::short(&change.spec.plan_hash));
        places.push(format!(r"{}\{kept} on {node}, different are: {files}", layout.service_path));
    }
    let plan = plan?;
    Some(Wanted {
        kind: CUSTOMER_CENTRE_MERGED,
        state: State::False,
        reason: "StandardDesign",
        message: format!(
            "the public pages have the vendor's standard design; the former templates lie in {}. Merge what people had edited, then attest the step {CUSTOMER_CENTRE} of plan {plan}",
            places.join("; in ")
        ),
    })
}

fn is_attested(view: &View<'_>, plan_hash: &str) -> bool {
    view.snapshot.decisions.iter().any(|decision| {
        decision.spec.word == Word::Attest
            && decision.spec.step.as_deref() == Some(CUSTOMER_CENTRE)
            && decision.spec.is_about(plan_hash)
    })
}

/// What a change leaves behind for people, as it stands in its record.
#[must_use]
pub fn aftermath(view: &View<'_>, layout: &Layout<'_>) -> Vec<String> {
    let mut findings: Vec<String> = view
        .nodes_of(Component::Service)
        .iter()
        .filter(|node| is_left_by_this_change(view, layout, node))
        .filter_map(|node| {
            let kept = parts::kept_templates(view, layout, node)?;
            Some(format!(r"{node}: the former customer-centre templates are kept in {}\{kept}; the public pages have the vendor's standard design", layout.service_path))
        })
        .collect();
    findings.extend(net_servers_gone(view, layout));
    findings.extend(argument_file_left(view, layout));
    findings.extend(debts(view, layout).into_iter().map(|debt| debt.message));
    findings
}

/// Whether the kept templates on a node came with the change that is about to end: those of an earlier one are its own
/// business, also where the installer was told to keep the design this time.
fn is_left_by_this_change(view: &View<'_>, layout: &Layout<'_>, node: &str) -> bool {
    let seen = view.observation(node, &parts::kept_folders(layout));
    let begun = view.snapshot.open_change().and_then(|change| change.status.as_ref()?.steps.first());
    match (seen, begun) {
        (Some(seen), Some(first)) => seen.since.0 >= first.started_at.0,
        (_, _) => true,
    }
}

/// The file with CrmSetup's arguments has served, and there are passwords in it.
fn argument_file_left(view: &View<'_>, layout: &Layout<'_>) -> Option<String> {
    let probe = parts::argument_file(view, layout).filter(|_| parts::Tools::at_work(view) == parts::Tools::CrmSetup)?;
    let node = view.nodes_of(Component::CrmServer).first()?;
    let path = layout.block.argument_file.as_deref()?;
    matches!(view.answer(node, &probe), Some(Answer::Flag { .. }))
        .then(|| format!("{node}: {path} holds passwords and is not needed any more; delete it"))
}

/// What a merge leaves for people to do in Git.
fn net_servers_gone(view: &View<'_>, layout: &Layout<'_>) -> Vec<String> {
    if !net_server::has_served(view, layout) {
        return Vec::new();
    }
    let nodes = view.nodes_of(Component::NetServer).iter();
    nodes
        .filter(|node| net_server::is_gone(view, layout, node))
        .map(|node| format!("{node}: its NetServer is gone; take the component NetServer out of spec.components"))
        .collect()
}

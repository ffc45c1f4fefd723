//! What whoever approves has to know beforehand.

use crm_api::change::Purpose;
use crm_api::site::{Attachments, Component};

use super::layout::Layout;
use super::{clients, net_server, one_host, pocket, settings, wizards};
use crate::products::Hop;
use crate::view::View;

/// The sentences in front of the approval of a hop.
#[must_use]
pub fn notices(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<String> {
    if hop.purpose == Purpose::Correct {
        return vec![format!("What was proven is brought back: {}. No version changes.", hop.corrects.join(", "))];
    }
    if hop.purpose == Purpose::Restore {
        return of_restore(view, hop);
    }
    if hop.is_configuration_only() {
        return settings::differences(view, layout).iter().map(|difference| difference.message().to_owned()).collect();
    }
    let mut notices = vec![
        "After the first schema change there is no undo but restoring database, program files, registry and IIS together.".to_owned(),
    ];
    if !hop.installs.is_empty() {
        notices.push(format!(
            "It installs {}: no backup set takes that away again. After the first schema change the only way is forward.",
            hop.installs.join(", ")
        ));
    }
    let has_service = !hop.standing(view, Component::Service).is_empty();
    if has_service {
        notices.push(wizards::templates_notice(layout, hop));
    }
    if has_service && layout.block.attachments != Some(Attachments::DuringUpgrade) {
        notices.push("Attachments stay where they are; moving them into sub-folders is left for later.".to_owned());
    }
    notices.extend(settings::leftovers(view, layout).iter().map(|(node, count)| format!(
        "{count} FastCGI handlers on {node} are removed: links in mails that were sent and end in .fcgi lead nowhere from then on."
    )));
    notices.extend(one_host::notices(view, layout, hop));
    notices.extend(wizards::reports_notice(layout, hop));
    let retired = net_server::retired(view, layout, hop);
    if !retired.is_empty() {
        notices.push(format!(
            "Service moves to the NetServer inside Web; its own one on {} is not started again, and a person uninstalls it at the end.",
            retired.join(", ")
        ));
    }
    notices.extend(clients::notices(view, layout, hop));
    notices.extend(pocket::notices(view, layout, hop));
    let passed = view.catalogue.between(hop.from, hop.to);
    let dropped: Vec<&str> = passed
        .iter()
        .filter_map(|release| release.super_office.as_ref())
        .flat_map(|block| block.drops.iter().map(String::as_str))
        .collect();
    if !dropped.is_empty() {
        notices.push(format!("{} no longer has: {}.", hop.to.version, dropped.join("; ")));
    }
    notices
}

fn of_restore(view: &View<'_>, hop: &Hop<'_>) -> Vec<String> {
    let status = hop.set.and_then(|set| set.status.as_ref());
    let taken = status.and_then(|status| status.taken_at.clone());
    let tier = status.and_then(|status| status.verification);
    let by = status.and_then(|status| status.verified_by.clone()).unwrap_or_else(|| "nobody".to_owned());
    let how = tier.map_or("no further than its conditions say", |tier| tier.name());
    let at = taken.map(|at| crate::windows::local(view.spec.windows.as_ref(), at.0)).unwrap_or_default();
    vec![
        format!("The set was taken {at}; whatever was written to the database since is lost."),
        format!("The database backup is verified to {how}, by {by}."),
        "Files that the set does not know are moved into the folder `aside` of the set, not deleted.".to_owned(),
    ]
}

//! What a site chooses, against what can be had: Pocket Server 7, standard reports, the design of the public pages.

use crm_api::probe::Answer;
use crm_api::site::StandardReports;

use super::{Found, LOOK_AGAIN, on, site};
use crate::products::Hop;
use crate::products::superoffice::layout::Layout;
use crate::products::superoffice::{pocket, wizards};
use crate::view::View;

/// Phones must be told where NetServer is, and a release that lets none in through Pocket Server is no place for it
/// (vendor: pocket-crm, upgrade to 8; upgrade to 10).
pub(super) fn pocket_server(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let mut found: Vec<Found> = pocket::kept_against(view, layout, hop)
        .into_iter()
        .map(|node| {
            on(
                node,
                format!("Pocket Server 7 is kept there, and {} lets no phone in through it", hop.to.version),
                "uninstall it, or declare superOffice.pocketServer.then: RedirectThenRemove while a release before 10 is on the way",
            )
        })
        .collect();
    if pocket::lacks_address(layout, hop) {
        found.extend(pocket::redirected_by(view, layout, hop).into_iter().map(|node| {
            on(
                node,
                "Pocket Server 7 runs there, and where its phones shall go is not declared",
                "declare the address of NetServer as phones reach it in spec.superOffice.pocketServer.netServer, or pocketServer.then: Keep",
            )
        }));
    }
    let unread = view
        .node_names()
        .into_iter()
        .filter(|node| matches!(view.answer(node, &pocket::service_probe(layout)), Some(Answer::Unreadable { .. })));
    if pocket::matters_to(hop) {
        found.extend(unread.map(|node| on(node, "whether Pocket Server 7 runs there was not read", LOOK_AGAIN)));
    }
    found
}

/// Whoever declares that edited reports stay is not to find them overwritten because a command line says nothing.
pub(super) fn standard_reports(_: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let declared = layout.block.standard_reports == Some(StandardReports::NewOnly);
    if !declared || !wizards::leaves_reports_to_the_vendor(hop) {
        return Vec::new();
    }
    vec![site(
        format!(
            "standardReports: NewOnly is declared, and the command line of the server's setup of {} does not say so; its default overwrites edited reports",
            hop.to.version
        ),
        "put `{reports}` into the arguments of its package in the CrmRelease, or make the package attended",
    )]
}

/// The same for the design of the public pages.
pub(super) fn customer_centre(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let has_service = !hop.standing(view, crm_api::site::Component::Service).is_empty();
    if !has_service || !wizards::cannot_keep_templates(layout, hop) {
        return Vec::new();
    }
    vec![site(
        format!("service.customerCentre: Keep is declared, and nobody can tell the installer of {} so", hop.to.version),
        "take the declaration away: edited templates are kept beside the standard ones and merged afterwards; or, if its wizard has the tick box, declare its words in customerCentreBox of the CrmRelease and make the package attended",
    )]
}

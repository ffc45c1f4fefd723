//! What a release demands of a site as a whole: HTTPS, WebView2, a file of arguments. Whether it does is data.

use crm_api::probe::Answer;
use crm_api::release::{Method, SuperOfficeRelease};
use crm_api::site::Component;

use super::{Found, LOOK_AGAIN, on, site};
use crate::products::Hop;
use crate::products::superoffice::layout::{ARGUMENT_FILE, Layout};
use crate::products::superoffice::one_host::SERVER_ERROR;
use crate::products::superoffice::parts::{self, https_probe, web_view2_probe};
use crate::view::View;

fn demands(hop: &Hop<'_>, what: impl Fn(&SuperOfficeRelease) -> bool) -> bool {
    hop.to.super_office.as_ref().is_some_and(what)
}

/// From 10.2.5 editors do not work without HTTPS (vendor: install, Web client).
pub(super) fn https(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    if !demands(hop, |release| release.https) {
        return Vec::new();
    }
    let host = &layout.block.host_name;
    view.nodes_of(Component::Service)
        .iter()
        .filter_map(|node| match view.answer(node, &https_probe(layout)) {
            Some(Answer::Url { status }) if (1..SERVER_ERROR).contains(status) => None,
            Some(Answer::Url { .. } | Answer::Absent {} | Answer::Unreadable { .. }) => Some(on(
                node,
                format!("https://{host}/ does not answer, and {} works over HTTPS only", hop.to.version),
                format!("bind a certificate for {host} to its IIS sites, and see that this server trusts it"),
            )),
            _ => Some(on(node, format!("https://{host}/ was not asked yet"), LOOK_AGAIN)),
        })
        .collect()
}

/// From 11 Service needs WebView2, before its installer is started (vendor: install, Service).
pub(super) fn web_view2(view: &View<'_>, _: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    if !demands(hop, |release| release.web_view2) {
        return Vec::new();
    }
    view.nodes_of(Component::Service)
        .iter()
        .filter_map(|node| match view.answer(node, &web_view2_probe()) {
            Some(Answer::Program { .. }) => None,
            Some(Answer::Absent {}) => Some(on(
                node,
                format!("Microsoft's WebView2 runtime is not installed, {} needs it", hop.to.version),
                "install the Microsoft Edge WebView2 Runtime before the window; nothing is downloaded inside it",
            )),
            _ => Some(on(node, "the list of installed programs was not read", LOOK_AGAIN)),
        })
        .collect()
}

/// CrmSetup takes its arguments from a file, which somebody has to have written for this very database.
pub(super) fn argument_file(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let takes = hop.to.package(Component::CrmServer).is_some_and(|package| match &package.method {
        Method::CommandLine { arguments, .. } => arguments.iter().any(|argument| argument.contains(ARGUMENT_FILE)),
        Method::Attended { .. } => false,
    });
    let Some(node) = view.nodes_of(Component::CrmServer).first().filter(|_| takes) else { return Vec::new() };
    let Some(probe) = parts::argument_file(view, layout) else {
        return vec![site(
            format!("CrmSetup of {} takes its arguments from a file, and none is declared", hop.to.version),
            format!(
                "write it on {node}, for administrators only, and declare its path in spec.superOffice.argumentFile"
            ),
        )];
    };
    let path = layout.block.argument_file.as_deref().unwrap_or_default();
    let database = &view.spec.database.name;
    match view.answer(node, &probe) {
        Some(Answer::Flag { set: true }) => Vec::new(),
        Some(Answer::Flag { set: false }) => vec![on(
            node,
            format!("{path} does not name the database {database}"),
            "write the file for this site: CrmSetup would upgrade another database",
        )],
        Some(Answer::Absent {}) => vec![on(
            node,
            format!("{path} does not exist"),
            "write CrmSetup's arguments there, and let administrators only read it",
        )],
        _ => vec![on(node, format!("{path} was not read"), LOOK_AGAIN)],
    }
}

/// Whether a person has to run `upgrade.exe` depends on what Service's configuration holds.
pub(super) fn symmetric_keys(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    if !demands(hop, |release| release.asks_for_keys) {
        return Vec::new();
    }
    hop.standing(view, Component::Service)
        .into_iter()
        .filter(|node| !matches!(view.answer(node, &parts::has_key(layout)), Some(Answer::Flag { .. })))
        .map(|node| on(node, "whether Service's config holds a symmetric key was not read", LOOK_AGAIN))
        .collect()
}

//! What a site chooses in the vendor's setups: standard reports, and the templates of the public pages. Whether a setup
//! asks, and in which words, is data of its release.

use crm_api::change::{Executor, Purpose};
use crm_api::order::Action;
use crm_api::release::{Method, ReportsChoice};
use crm_api::site::{Component, CustomerCentreTemplates, StandardReports};

use super::layout::Layout;
use crate::products::{Draft, Hop};

/// What stands in a release's arguments for the choice about standard reports.
const REPORTS: &str = "{reports}";

fn reports_asked<'a>(hop: &Hop<'a>) -> Option<&'a ReportsChoice> {
    hop.to.super_office.as_ref()?.standard_reports.as_ref()
}

/// What a person chooses about standard reports, where the setup of the release asks (vendor: upgrade 7.5 to 8,
/// crm-server: all of them is its default, and overwrites edits).
pub(super) fn reports_instruction(layout: &Layout<'_>, hop: &Hop<'_>) -> Option<String> {
    let asked = reports_asked(hop)?;
    Some(match layout.block.standard_reports.unwrap_or_default() {
        StandardReports::NewOnly => format!(
            "Where it asks about standard reports, choose {:?} and not what it offers: reports that people edited stay as they are.",
            asked.new_only
        ),
        StandardReports::UpgradeAll => format!(
            "Where it asks about standard reports, choose {:?}, as declared: reports that people edited are overwritten.",
            asked.upgrade_all
        ),
    })
}

/// The choice in the arguments of a command line.
pub(super) fn choose_reports(draft: &mut Draft, layout: &Layout<'_>, hop: &Hop<'_>) {
    let (Some(asked), Executor::Agent { actions }) = (reports_asked(hop), &mut draft.step.executor) else { return };
    let chosen = match layout.block.standard_reports.unwrap_or_default() {
        StandardReports::NewOnly => &asked.new_only,
        StandardReports::UpgradeAll => &asked.upgrade_all,
    };
    for action in actions {
        if let Action::RunInstaller { arguments, .. } = action {
            arguments.iter_mut().for_each(|argument| *argument = argument.replace(REPORTS, chosen));
        }
    }
}

/// Whether the command line of the server's setup leaves the choice to the setup, which takes all of them.
#[must_use]
pub fn leaves_reports_to_the_vendor(hop: &Hop<'_>) -> bool {
    let silent = hop.to.package(Component::CrmServer).is_some_and(|package| match &package.method {
        Method::CommandLine { arguments, .. } => !arguments.iter().any(|argument| argument.contains(REPORTS)),
        Method::Attended { .. } => false,
    });
    silent && reports_asked(hop).is_some()
}

/// What whoever approves has to know about standard reports.
pub(super) fn reports_notice(layout: &Layout<'_>, hop: &Hop<'_>) -> Option<String> {
    reports_asked(hop).filter(|_| hop.purpose == Purpose::Upgrade)?;
    match layout.block.standard_reports {
        Some(StandardReports::UpgradeAll) => Some(
            "Standard reports are all upgraded, as declared: what people edited in them is overwritten.".to_owned(),
        ),
        Some(StandardReports::NewOnly) => None,
        None => leaves_reports_to_the_vendor(hop).then(|| {
            "The command line of the server's setup does not say what becomes of standard reports: by the vendor's default all are upgraded, and what people edited is overwritten.".to_owned()
        }),
    }
}

fn templates_box<'a>(hop: &Hop<'a>) -> Option<&'a str> {
    hop.to.super_office.as_ref()?.customer_centre_box.as_deref()
}

/// What a person does with the box about the templates of the public pages.
pub(super) fn templates_instruction(layout: &Layout<'_>, hop: &Hop<'_>) -> Option<String> {
    let tick = templates_box(hop)?;
    Some(match layout.block.service.customer_centre? {
        CustomerCentreTemplates::Keep => format!("Untick {tick:?}: the public pages keep their design."),
        CustomerCentreTemplates::Overwrite => format!("Tick {tick:?}: the public pages get the standard design."),
    })
}

/// Whether the site wants to keep its templates and nobody can tell the installer.
#[must_use]
pub fn cannot_keep_templates(layout: &Layout<'_>, hop: &Hop<'_>) -> bool {
    let attended =
        hop.to.package(Component::Service).is_none_or(|package| matches!(package.method, Method::Attended { .. }));
    wants_to_keep(layout) && !(attended && templates_box(hop).is_some())
}

fn wants_to_keep(layout: &Layout<'_>) -> bool {
    layout.block.service.customer_centre == Some(CustomerCentreTemplates::Keep)
}

/// What whoever approves has to know about the public pages (vendor: upgrade Service, customer center).
pub(super) fn templates_notice(layout: &Layout<'_>, hop: &Hop<'_>) -> String {
    match templates_box(hop).filter(|_| wants_to_keep(layout)) {
        Some(tick) => format!(
            "Service's public pages (customer centre) keep their design, as declared: {tick:?} stays without a tick in the installer."
        ),
        None => "Service's public pages (customer centre) get the vendor's standard design; edited templates are kept in templates_<date>_<time> and have to be merged again by a person.".to_owned(),
    }
}

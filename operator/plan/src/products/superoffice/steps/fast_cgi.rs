//! FastCGI handlers that nothing needs any more.

use crm_api::change::{Executor, Undo};
use crm_api::evidence::{Expectation, Expected};
use crm_api::order::Action;
use crm_api::probe::Probe;
use crm_api::site::FastCgi;

use super::{Draft, draft, kind, on_node, open};
use crate::products::Hop;
use crate::products::superoffice::layout::Layout;
use crate::products::superoffice::{instances, settings};
use crate::view::View;

/// The handlers of this instance go, where their removal is declared and links end in `.exe`. No tool of the vendor takes
/// them away: they are entries of IIS, one for each program (vendor: upgrade Service, "FastCGI").
pub(super) fn remove_handlers(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    if hop.fast_cgi != Some(FastCgi::Disabled) {
        return Vec::new();
    }
    settings::leftovers(view, layout).into_iter().map(|(node, _)| remove_on(view, layout, hop, node)).collect()
}

/// The same on one node.
pub(super) fn remove_on(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>, node: &str) -> Draft {
    let (probe, site, folder) = handlers(view, layout, node);
    let title = format!("remove the FastCGI handlers of Service's programs from the IIS site {site:?}");
    let actions = vec![Action::RemoveHandlers { site, folder }];
    let mut draft = draft(kind::REMOVE_HANDLERS, Some(node), title, Executor::Agent { actions });
    draft.step.evidence = vec![on_node(node, probe, Expected::NoneMapped {})];
    draft.step.evidence.extend(instances::left_alone(view, layout, node));
    draft.step.destructive = true;
    if !hop.is_configuration_only() {
        // They come back with IIS, if everything has to.
        draft.step.undo = Undo::Restore {};
    }
    draft
}

/// The proof that none is left on a node.
pub(super) fn none_left(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Expectation {
    on_node(node, handlers(view, layout, node).0, Expected::NoneMapped {})
}

fn handlers(view: &View<'_>, layout: &Layout<'_>, node: &str) -> (Probe, String, String) {
    let site = layout.iis_site(view, node).unwrap_or_else(|_| layout.site.clone());
    let folder = layout.scripts();
    (Probe::FastCgiHandlers { site: site.clone(), folder: folder.clone() }, site, folder)
}

/// Service makes links from what it has in its caches: they are flushed before what the old links need goes.
pub(super) fn flush_links(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let mut drafts = open::flush_caches(view, layout, hop);
    drafts.iter_mut().for_each(|draft| open::flushed_after(draft, "links had got their new ending"));
    drafts
}

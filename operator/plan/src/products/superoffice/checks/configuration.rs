//! Checks of the product's own configuration files. Of a file that cannot be read nothing is concluded; where it is
//! encrypted, a person has to look.

use crm_api::probe::Answer;
use crm_api::site::Component;

use super::{Found, on};
use crate::products::Hop;
use crate::products::superoffice::layout::Layout;
use crate::products::superoffice::parts::{scheduled_host, table_prefix};
use crate::view::View;

/// Web works on the schema that the site declares. An upgrade of another one would leave Web on the old schema.
pub(super) fn web_config(view: &View<'_>, layout: &Layout<'_>, _: &Hop<'_>) -> Vec<Found> {
    let declared = &layout.block.table_prefix;
    view.nodes_of(Component::Web)
        .iter()
        .filter_map(|node| match view.answer(node, &table_prefix(layout)) {
            Some(Answer::Value { value }) if !value.eq_ignore_ascii_case(declared) => Some(on(
                node,
                format!("web.config of Web names table prefix {value:?}, superOffice.tablePrefix is {declared:?}"),
                "declare the prefix of the database that Web works on, or correct the product configuration of Web",
            )),
            _ => None,
        })
        .collect()
}

/// The scheduler's table names the host of this site: one copied from elsewhere runs another site's jobs.
pub(super) fn scheduler_table(view: &View<'_>, layout: &Layout<'_>, _: &Hop<'_>) -> Vec<Found> {
    view.nodes_of(Component::Service)
        .iter()
        .filter_map(|node| match view.answer(node, &scheduled_host(layout)) {
            Some(Answer::Flag { set: false }) => Some(on(
                node,
                format!("ejCrontab.txt does not name {}", layout.block.host_name),
                "write the site's host name into the lines of ejCrontab.txt",
            )),
            _ => None,
        })
        .collect()
}

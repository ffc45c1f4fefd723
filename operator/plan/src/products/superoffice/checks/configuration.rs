//! Checks of the product's own configuration files. Of a file that cannot be read nothing is concluded; where it is
//! encrypted, a person has to look.

use crm_api::probe::Answer;
use crm_api::site::Component;

use super::{Found, LOOK_AGAIN, on};
use crate::products::Hop;
use crate::products::superoffice::layout::Layout;
use crate::products::superoffice::parts::{scheduled_host, table_prefix};
use crate::view::View;

/// Web works on the schema that the site declares. An upgrade of another one would leave Web on the old schema.
pub(super) fn web_config(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let declared = &layout.block.table_prefix;
    hop.standing(view, Component::Web)
        .into_iter()
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

/// Sites may encrypt sections of `web.config` (vendor: api/config): then only a person can compare, and the site is told
/// so.
pub(super) fn web_config_read(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    hop.standing(view, Component::Web)
        .into_iter()
        .filter_map(|node| match view.answer(node, &table_prefix(layout)) {
            Some(Answer::Value { .. }) => None,
            Some(Answer::Unreadable { reason }) => Some(on(
                node,
                format!("the table prefix that Web works on was not read: {reason}"),
                format!(
                    "look into the product configuration of Web: the table prefix has to be {}",
                    layout.block.table_prefix
                ),
            )),
            Some(Answer::Absent {}) => Some(on(
                node,
                "web.config of Web names no table prefix",
                "see that superOffice.web.path is the folder of Web",
            )),
            _ => Some(on(node, "web.config of Web was not asked for yet", LOOK_AGAIN)),
        })
        .collect()
}

/// The scheduler's table names the host of this site: one copied from elsewhere runs another site's jobs.
pub(super) fn scheduler_table(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    hop.standing(view, Component::Service)
        .into_iter()
        .filter_map(|node| match view.answer(node, &scheduled_host(layout)) {
            Some(Answer::Flag { set: true }) => None,
            Some(Answer::Flag { set: false }) => Some(on(
                node,
                format!("ejCrontab.txt does not name {}", layout.host),
                "write the site's host name into the lines of ejCrontab.txt",
            )),
            Some(Answer::Unreadable { reason }) => {
                Some(on(node, format!("the scheduler's table was not read: {reason}"), LOOK_AGAIN))
            }
            Some(Answer::Absent {}) => Some(on(
                node,
                "there is no ejCrontab.txt in the folder of Service",
                "see that superOffice.service.path is the folder of the instance, and that its scheduler has its table",
            )),
            _ => Some(on(node, "the scheduler's table was not asked for yet", LOOK_AGAIN)),
        })
        .collect()
}

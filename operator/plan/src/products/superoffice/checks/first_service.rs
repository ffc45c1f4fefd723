//! Checks of what a first Service needs. Each is a fact of its own node, and blocks before anything is frozen.

use std::net::IpAddr;

use crm_api::probe::Answer;
use crm_api::site::ServiceSetup;

use super::{Found, LOOK_AGAIN, on};
use crate::products::Hop;
use crate::products::superoffice::first_service::{addresses, awaited, data_source, mail_relay};
use crate::products::superoffice::layout::Layout;
use crate::products::superoffice::parts::SERVICE_DATA;
use crate::snapshot::is_one_database;
use crate::view::View;

/// The node and its needs, where this hop sets Service up.
fn set_up<'v>(view: &View<'v>, layout: &Layout<'v>, hop: &Hop<'_>) -> Option<(&'v str, &'v ServiceSetup)> {
    awaited(view, layout).filter(|_| hop.installs.iter().any(|part| part == SERVICE_DATA))
}

/// Without a relay nothing that Service sends arrives (vendor: upgrade 7.5 to 8, "make sure relaying is enabled").
pub(super) fn relay(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let Some((node, setup)) = set_up(view, layout, hop) else { return Vec::new() };
    let server = format!("{}:{}", setup.smtp_host, setup.smtp_port);
    match view.answer(node, &mail_relay(setup)) {
        Some(Answer::Relay { accepted: true, .. }) => Vec::new(),
        Some(Answer::Relay { accepted: false, reply }) => vec![on(
            node,
            format!("the mail server {server} does not relay for this server: {reply}"),
            "let it relay what comes from this server, or name another one in spec.superOffice.service.setup.smtpHost",
        )],
        _ => vec![on(node, format!("whether the mail server {server} relays was not asked yet"), LOOK_AGAIN)],
    }
}

/// The host name leads to Service before its users are told of it (vendor: upgrade 7.5 to 8, "DNS record ready").
pub(super) fn host_address(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let Some((node, setup)) = set_up(view, layout, hop) else { return Vec::new() };
    let (host, declared) = (&layout.block.host_name, &setup.address);
    let remedy =
        format!("make a DNS record of {host} for {declared}, or correct spec.superOffice.service.setup.address");
    match view.answer(node, &addresses(layout)) {
        Some(Answer::Names { names }) if names.iter().any(|name| is_one_address(name, declared)) => Vec::new(),
        Some(Answer::Names { names }) => {
            vec![on(node, format!("{host} resolves to {}, declared is {declared}", names.join(", ")), remedy)]
        }
        Some(Answer::Absent {}) => vec![on(node, format!("{host} does not resolve to any address"), remedy)],
        _ => vec![on(node, format!("the address of {host} was not asked for yet"), LOOK_AGAIN)],
    }
}

/// One address may be written in several ways.
fn is_one_address(one: &str, other: &str) -> bool {
    match (one.parse::<IpAddr>(), other.parse::<IpAddr>()) {
        (Ok(one), Ok(other)) => one == other,
        (_, _) => false,
    }
}

/// Service's programs are 32-bit and find the database by a system DSN (vendor: requirements, ODBC).
pub(super) fn odbc(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let Some((node, setup)) = set_up(view, layout, hop) else { return Vec::new() };
    let (dsn, wanted) = (&setup.odbc_dsn, &view.spec.database);
    let remedy = format!(
        "make the system DSN {dsn} for {} on {} with the 32-bit ODBC administrator (SysWOW64\\odbcad32.exe)",
        wanted.name, wanted.server
    );
    match view.answer(node, &data_source(setup)) {
        Some(Answer::DataSource { server, database })
            if is_one_database((server, database), (&wanted.server, &wanted.name)) =>
        {
            Vec::new()
        }
        Some(Answer::DataSource { server, database }) => {
            let message =
                format!("the DSN {dsn} names {database} on {server}, the site is {} on {}", wanted.name, wanted.server);
            vec![on(node, message, remedy)]
        }
        Some(Answer::Absent {}) => vec![on(node, format!("there is no 32-bit system DSN {dsn}"), remedy)],
        _ => vec![on(node, format!("the DSN {dsn} was not asked for yet"), LOOK_AGAIN)],
    }
}

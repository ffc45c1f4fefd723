//! What a Service that is installed for the first time needs of its own node (vendor: install/service, prepare; upgrade
//! 7.5 to 8, "Actions"): a mail server that relays for it, a name that leads to it, a data source for its programs.

use crm_api::database::superoffice::SERVICE_VERSION;
use crm_api::probe::Probe;
use crm_api::site::{Component, ServiceSetup};

use super::layout::Layout;
use crate::view::View;

/// A recipient outside every company: the domain is reserved (RFC 2606). It is named to a mail server and gets no mail.
const NOBODY: &str = "nobody@example.com";

/// The node on which Service will be set up for the first time, with what it will need; `None` where the database knows a
/// Service, or none is declared.
#[must_use]
pub fn awaited<'v>(view: &View<'v>, layout: &Layout<'v>) -> Option<(&'v str, &'v ServiceSetup)> {
    let node = view.nodes_of(Component::Service).first()?;
    let setup = layout.block.service.setup.as_ref()?;
    (view.database().is_some() && view.fact(SERVICE_VERSION).is_none()).then_some((node.as_str(), setup))
}

/// Whether the mail server relays what comes from the node.
#[must_use]
pub fn mail_relay(setup: &ServiceSetup) -> Probe {
    Probe::MailRelay {
        host: setup.smtp_host.clone(),
        port: setup.smtp_port,
        from: setup.mailbox.clone(),
        to: setup.relay_to.clone().unwrap_or_else(|| NOBODY.to_owned()),
    }
}

/// Where the site's host name leads to, seen from the node.
#[must_use]
pub fn addresses(layout: &Layout<'_>) -> Probe {
    Probe::HostAddresses { name: layout.block.host_name.clone() }
}

/// What the data source names.
#[must_use]
pub fn data_source(setup: &ServiceSetup) -> Probe {
    Probe::DataSource { name: setup.odbc_dsn.clone() }
}

/// All of these, for the node that needs them.
#[must_use]
pub fn probes<'v>(view: &View<'v>, layout: &Layout<'v>) -> Option<(&'v str, [Probe; 3])> {
    let (node, setup) = awaited(view, layout)?;
    Some((node, [mail_relay(setup), addresses(layout), data_source(setup)]))
}

//! Planted bugs.

use std::sync::Arc;

use crm_agent::host::Host;
use crm_database::Connect;

/// A guard that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {}

pub(crate) fn on_machine(_plants: &[Plant], host: Arc<dyn Host>) -> Arc<dyn Host> {
    host
}

pub(crate) fn on_database(_plants: &[Plant], connect: Arc<dyn Connect>) -> Arc<dyn Connect> {
    connect
}

pub(crate) fn on_api(_plants: &[Plant], _identity: &str, client: kube::Client) -> kube::Client {
    client
}

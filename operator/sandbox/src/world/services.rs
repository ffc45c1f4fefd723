//! Windows services of one machine.

use crm_agent::host::HostError;
use crm_api::probe::{RunState, StartType};

use crate::world::machine::Machine;

/// A Windows service.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    /// The program that it runs.
    pub(crate) program: String,
    pub(crate) state: RunState,
    pub(crate) start: StartType,
}

impl Machine {
    pub(crate) fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn service_mut(&mut self, name: &str) -> Result<&mut Service, HostError> {
        let found = self.services.iter_mut().find(|service| service.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| HostError::NotFound(format!("service {name}")))
    }

    pub(crate) fn runs_service(&self, name: &str) -> bool {
        self.service(name).is_some_and(|service| service.state == RunState::Running)
    }
}

impl Service {
    /// What the service manager does when asked for a state.
    pub(crate) fn turn(&mut self, state: RunState) -> Result<(), HostError> {
        if state == RunState::Running && self.start == StartType::Disabled {
            return Err(HostError::Refused(format!("service {} cannot be started: it is disabled (1058)", self.name)));
        }
        self.state = state;
        Ok(())
    }
}

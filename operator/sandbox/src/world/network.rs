//! The company's network, as a server sees it: names, mail servers, mailboxes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crm_agent::host::HostError;

use crate::world::scenario::{MailServer, ScenarioSpec};
use crate::world::state::State;

/// Names, mail servers and mailboxes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    names: BTreeMap<String, Vec<IpAddr>>,
    mail_servers: Vec<MailServer>,
    mailboxes: Vec<String>,
}

impl Network {
    pub(crate) fn of(spec: &ScenarioSpec) -> Self {
        let names = spec.names.iter().map(|(name, addresses)| (name.to_lowercase(), addresses.clone())).collect();
        Self { names, mail_servers: spec.mail_servers.clone(), mailboxes: spec.mailboxes.clone() }
    }

    /// The addresses of a name.
    pub(crate) fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, HostError> {
        self.names.get(&name.to_lowercase()).cloned().ok_or_else(|| HostError::NotFound(format!("host {name}")))
    }

    /// Whether somebody can log in to a mailbox.
    pub(crate) fn has_mailbox(&self, address: &str) -> bool {
        self.mailboxes.iter().any(|known| known.eq_ignore_ascii_case(address))
    }
}

impl State {
    /// A conversation with a mail server, up to the first reply that is no yes (RFC 5321). Only those for whom it relays
    /// may name a recipient outside.
    pub(crate) fn mail_replies(
        &self,
        from: &str,
        host: &str,
        port: u16,
        commands: &[String],
    ) -> Result<Vec<String>, HostError> {
        let known = |server: &&MailServer| server.name.eq_ignore_ascii_case(host) && server.port == port;
        let server = self.network.mail_servers.iter().find(known);
        let server = server.ok_or_else(|| HostError::Refused(format!("no connection to {host}:{port}")))?;
        let mut replies = vec![format!("220 {host} ESMTP"), format!("250 {host} greets {from}")];
        for command in commands {
            let recipient = command.starts_with("RCPT TO:");
            if recipient && !server.relays_for.iter().any(|node| node == from) {
                replies.push("550 5.7.1 Unable to relay".to_owned());
                break;
            }
            replies.push("250 2.1.0 OK".to_owned());
        }
        Ok(replies)
    }
}

//! The port over the wire: TDS to a real SQL Server, always encrypted, its certificate always checked.
//!
//! One connection carries one statement at a time. A statement that did not come to its end (dropped, out of time, broken
//! line) leaves the connection out of step with the server, so it is thrown away: whoever goes on opens another.

mod value;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Query, SqlBrowser as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

use crate::{Connect, Credentials, DatabaseError, Row, SqlServer, Statement, Target};

/// From the first packet to the end of the login. Whoever connects has a limit of their own, which may be shorter.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(25);
/// What `APP_NAME()` gives: by it the operator tells its own sessions from those of others.
const APPLICATION: &str = "crm-operator";

/// Opens connections over the wire.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    authorities: Option<Arc<Vec<u8>>>,
}

impl Wire {
    /// Trusts the certificates that this system trusts, and those of `authorities`: a file in PEM form with one or more of
    /// them.
    #[must_use]
    pub fn trusting(authorities: Option<Vec<u8>>) -> Self {
        Self { authorities: authorities.map(Arc::new) }
    }

    fn config(&self, target: &Target, credentials: &Credentials) -> Result<Config, DatabaseError> {
        let place = Place::read(&target.server).ok_or_else(|| DatabaseError::Lost {
            server: target.server.clone(),
            message: "this is no server: write HOST, HOST\\INSTANCE or HOST,PORT".to_owned(),
        })?;
        let mut config = Config::new();
        config.host(place.host);
        if let Some(instance) = place.instance {
            config.instance_name(instance);
        }
        if let Some(port) = place.port {
            config.port(port);
        }
        config.database(&target.database);
        config.application_name(APPLICATION);
        config.encryption(EncryptionLevel::Required);
        config.authentication(AuthMethod::sql_server(credentials.username(), credentials.password()));
        if let Some(authorities) = &self.authorities {
            config.trust_cert_ca_bundle(authorities.as_ref().clone());
        }
        config.handshake_timeout(Some(HANDSHAKE_LIMIT));
        // A BACKUP is silent for longer than any limit per answer: each statement has its own limit as a whole.
        config.command_timeout(None);
        Ok(config)
    }
}

impl Connect for Wire {
    fn connect(
        &self,
        target: Target,
        credentials: Credentials,
    ) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, DatabaseError>> {
        Box::pin(async move {
            let config = self.config(&target, &credentials)?;
            let server = target.server;
            let opened = async {
                let stream = TcpStream::connect_named(&config).await?;
                stream.set_nodelay(true)?;
                Client::connect(config, stream.compat_write()).await
            };
            let client = opened.await.map_err(|error| said(&server, &error))?;
            let connection: Arc<dyn SqlServer> = Arc::new(Connection { server, client: Mutex::new(Some(client)) });
            Ok(connection)
        })
    }
}

/// Where a server is, as people write it.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    host: &'a str,
    instance: Option<&'a str>,
    port: Option<u16>,
}

impl<'a> Place<'a> {
    /// `HOST`, `HOST\INSTANCE` or `HOST,PORT`. A port makes the instance superfluous, as for the vendor's own clients.
    fn read(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("tcp:").unwrap_or(text);
        let (text, port) = match text.split_once(',') {
            Some((text, port)) => (text, Some(port.trim().parse::<u16>().ok().filter(|port| *port > 0)?)),
            None => (text, None),
        };
        let (host, instance) = match text.split_once('\\') {
            Some((host, instance)) => (host, Some(instance.trim())),
            None => (text, None),
        };
        let host = match host.trim() {
            "." | "(local)" => "localhost",
            host => host,
        };
        let is_whole = !host.is_empty() && instance.is_none_or(|instance| !instance.is_empty());
        is_whole.then_some(Self { host, instance: instance.filter(|_| port.is_none()), port })
    }
}

/// A connection; empty once it is out of step.
struct Connection {
    server: String,
    client: Mutex<Option<Client<Compat<TcpStream>>>>,
}

impl SqlServer for Connection {
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        Box::pin(async move {
            let mut place = self.client.lock().await;
            // Taken out: whoever drops this future before its end leaves nothing behind that could be used again.
            let mut client = place.take().ok_or_else(|| DatabaseError::Lost {
                server: self.server.clone(),
                message: "an earlier statement on this connection did not come to its end".to_owned(),
            })?;
            let limit = Duration::from_secs(u64::from(statement.time_limit_seconds));
            let answer = tokio::time::timeout(limit, ask(&mut client, &statement)).await;
            let answer = answer.map_err(|_| DatabaseError::Lost {
                server: self.server.clone(),
                message: format!("no answer within {} seconds", limit.as_secs()),
            })?;
            tracing::debug!(statement = statement.name, ok = answer.is_ok(), "asked SQL Server");
            match answer {
                Ok(rows) => {
                    *place = Some(client);
                    rows.iter().map(|row| value::row(statement.name, row)).collect()
                }
                Err(error) => {
                    let error = said(&self.server, &error);
                    // The server's own no ends an answer in order; anything else leaves the connection in doubt.
                    if matches!(error, DatabaseError::Refused { .. }) {
                        *place = Some(client);
                    }
                    Err(error)
                }
            }
        })
    }
}

async fn ask(client: &mut Client<Compat<TcpStream>>, statement: &Statement) -> tiberius::Result<Vec<tiberius::Row>> {
    let stream = if statement.parameters.is_empty() {
        client.simple_query(statement.text.as_str()).await?
    } else {
        let mut query = Query::new(statement.text.as_str());
        for parameter in &statement.parameters {
            query.bind(parameter.as_str());
        }
        query.query(client).await?
    };
    Ok(stream.into_results().await?.into_iter().flatten().collect())
}

/// What an error of the wire means for whoever asked.
fn said(server: &str, error: &tiberius::error::Error) -> DatabaseError {
    use tiberius::error::Error;
    match error {
        Error::Server(refusal) => DatabaseError::Refused {
            number: i32::try_from(refusal.code()).unwrap_or(i32::MAX),
            message: refusal.message().to_owned(),
        },
        Error::Routing { host, port } => DatabaseError::Lost {
            server: server.to_owned(),
            message: format!("it sends us to {host},{port}: name that server in the site"),
        },
        Error::Tls(_) => DatabaseError::Lost {
            server: server.to_owned(),
            message: format!(
                "{error}; its certificate must name this server and come from an authority that is trusted here"
            ),
        },
        other => DatabaseError::Lost { server: server.to_owned(), message: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Wire, said};
    use crate::{Connect as _, Credentials, DatabaseError, Target};
    use tiberius::error::{Error, IoErrorKind};

    #[test]
    fn servers_are_read_as_people_write_them() {
        let place = |host, instance, port| Some(Place { host, instance, port });
        for (text, expected) in [
            ("sql1", place("sql1", None, None)),
            ("sql1.contoso.example\\CRM", place("sql1.contoso.example", Some("CRM"), None)),
            ("sql1,14330", place("sql1", None, Some(14330))),
            ("tcp:sql1, 1433", place("sql1", None, Some(1433))),
            ("sql1\\CRM,1434", place("sql1", None, Some(1434))),
            (".", place("localhost", None, None)),
            ("", None),
            ("\\CRM", None),
            ("sql1\\", None),
            ("sql1,", None),
            ("sql1,0", None),
            ("sql1,70000", None),
        ] {
            assert_eq!(Place::read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_broken_line_is_lost_and_says_where() {
        let io = Error::Io { kind: IoErrorKind::ConnectionReset, message: "reset".into() };
        for error in [io, Error::Protocol("odd".into()), Error::Tls("no".into()), Error::Utf16] {
            let said = said("sql1", &error);
            assert!(matches!(&said, DatabaseError::Lost { server, .. } if server == "sql1"), "{said}");
        }
        let moved = said("sql1", &Error::Routing { host: "sql2".into(), port: 1433 });
        assert!(moved.to_string().contains("sql2,1433"), "{moved}");
    }

    #[tokio::test]
    async fn whoever_does_not_answer_is_lost_and_the_password_is_told_to_nobody() {
        let credentials = || Credentials::new("crm".into(), "canary-6f1d".into());
        for server in ["127.0.0.1,1", "not a server,"] {
            let target = Target { server: server.to_owned(), database: "CRM7".to_owned() };
            let error = Wire::default().connect(target, credentials()).await.err().unwrap();
            assert!(matches!(error, DatabaseError::Lost { .. }), "{error}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
    }
}

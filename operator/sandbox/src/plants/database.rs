//! A SQL Server that lies to the controller.

use std::sync::Arc;

use crm_database::{Connect, Credentials, DatabaseError, Row, SqlServer, Statement, Target};
use futures::future::BoxFuture;

use super::{Plant, Planted};

pub(super) struct LyingSql {
    inner: Arc<dyn Connect>,
    planted: Planted,
}

impl LyingSql {
    pub(super) fn new(inner: Arc<dyn Connect>, planted: Planted) -> Self {
        Self { inner, planted }
    }
}

impl Connect for LyingSql {
    fn connect(
        &self,
        target: Target,
        credentials: Credentials,
    ) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, DatabaseError>> {
        Box::pin(async move {
            if self.planted.has(Plant::TalkativeDriver) {
                let message = format!("cannot connect with {};{}", credentials.username(), credentials.password());
                return Err(DatabaseError::Lost { server: target.server, message });
            }
            let inner = self.inner.connect(target, credentials).await?;
            let connection: Arc<dyn SqlServer> = Arc::new(Connection { inner, planted: self.planted.clone() });
            Ok(connection)
        })
    }
}

struct Connection {
    inner: Arc<dyn SqlServer>,
    planted: Planted,
}

impl SqlServer for Connection {
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        let silent = match statement.name {
            "server.sessions" => self.planted.has(Plant::BlindSessions),
            "backup.verify" => self.planted.has(Plant::TrustedBackup),
            _ => false,
        };
        if silent { Box::pin(async { Ok(Vec::new()) }) } else { self.inner.run(statement) }
    }
}

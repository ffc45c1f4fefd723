//! SQL Server as one start of the controller meets it: silent once that controller is dead, and with a seam around
//! every statement that changes something.

use std::sync::Arc;

use crm_database::{Connect, Credentials, DatabaseError, Row, SqlServer, Statement, Target};
use futures::future::BoxFuture;

use super::{Fate, Lives, Moment, Points};

/// Statements that only read.
const READS: [&str; 3] = ["backup.verify", "backup.header", "server."];

/// The way of one controller to SQL Server.
#[derive(Clone)]
pub(crate) struct ControllerSql {
    pub(crate) connect: Arc<dyn Connect>,
    pub(crate) identity: String,
    pub(crate) lives: Lives,
    pub(crate) points: Arc<Points>,
}

impl Connect for ControllerSql {
    fn connect(
        &self,
        target: Target,
        credentials: Credentials,
    ) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, DatabaseError>> {
        Box::pin(async move {
            self.lives.go_on(&self.identity).await;
            let inner = self.connect.connect(target, credentials).await?;
            let connection: Arc<dyn SqlServer> = Arc::new(Connection { inner, way: self.clone() });
            Ok(connection)
        })
    }
}

struct Connection {
    inner: Arc<dyn SqlServer>,
    way: ControllerSql,
}

impl Connection {
    async fn change(&self, statement: Statement) -> Result<Vec<Row>, DatabaseError> {
        let ControllerSql { identity, points, .. } = &self.way;
        let number = points.controller_begins(format!("{identity} SQL {}", statement.name));
        if points.controller_fate(identity, number, Moment::Before) == Fate::Die {
            std::future::pending::<()>().await;
        }
        let answer = self.inner.run(statement).await;
        match points.controller_fate(identity, number, Moment::After) {
            Fate::Proceed => answer,
            Fate::Die => std::future::pending().await,
            Fate::LoseAnswer => {
                Err(DatabaseError::Lost { server: "SQL Server".to_owned(), message: "connection reset".to_owned() })
            }
        }
    }
}

impl SqlServer for Connection {
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        Box::pin(async move {
            self.way.lives.go_on(&self.way.identity).await;
            let answer =
                if changes(&statement) { self.change(statement).await } else { self.inner.run(statement).await };
            self.way.lives.go_on(&self.way.identity).await;
            answer
        })
    }
}

fn changes(statement: &Statement) -> bool {
    let is_question = READS.iter().any(|read| statement.name.starts_with(read))
        || statement.text.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
    !is_question
}

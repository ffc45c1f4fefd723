//! SQL Server, met through one port: typed statements in, rows out. Every SQL text of the product stands in this crate.
//!
//! - [`Connect`] and [`SqlServer`]: the port. What stands behind it (a wire, the sandbox) is not known here.
//!   `wire` (with the feature of that name) is the one to a real server.
//! - [`Statement`]: one text with its parameters, and a stable name.
//! - [`facts`]: the questions that make up `DatabaseFacts`; [`superoffice`]: those of SuperOffice's tables.
//! - [`backup`]: backing up, verifying, reading headers; [`restore`]: the way back; [`restore_test`]: a restore beside it,
//!   to prove a backup.

pub mod backup;
pub mod facts;
pub mod restore;
pub mod restore_test;
pub mod superoffice;
#[cfg(feature = "wire")]
pub mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;

/// Which database on which server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Host name, with `\INSTANCE` or `,PORT` where needed.
    pub server: String,
    /// Name of the database.
    pub database: String,
}

/// A login of SQL Server. It lives in memory only and prints nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    username: String,
    password: String,
}

impl Credentials {
    /// From a Secret's `username` and `password`.
    #[must_use]
    pub fn new(username: String, password: String) -> Self {
        Self { username, password }
    }

    /// The login name.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The password, for the wire only.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// One SQL text with its parameters (`@P1`, `@P2`...). Names that SQL does not take as parameters are quoted into the
/// text by [`quote`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Stable name, for logs and for whoever answers in place of a real server.
    pub name: &'static str,
    /// T-SQL.
    pub text: String,
    /// Values of `@P1`, `@P2`...
    pub parameters: Vec<String>,
    /// After so many seconds without an end the outcome is unknown.
    pub time_limit_seconds: u32,
}

/// One row: column name to value, NULL left out. Numbers and times are text (times RFC 3339, UTC).
pub type Row = BTreeMap<String, String>;

/// What went wrong between us and SQL Server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// The server said no, with its error number.
    #[error("SQL Server error {number}: {message}")]
    Refused {
        /// Error number of SQL Server.
        number: i32,
        /// Its text.
        message: String,
    },
    /// No answer came. What was asked may have happened all the same.
    #[error("no answer from SQL Server {server}: {message}")]
    Lost {
        /// The server.
        server: String,
        /// What the connection said.
        message: String,
    },
    /// An answer came that does not have the shape that the question asks for.
    #[error("unexpected answer to {statement}: {message}")]
    Unexpected {
        /// Name of the statement.
        statement: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

/// A connection to one database.
pub trait SqlServer: Send + Sync {
    /// Runs one statement to its end.
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>>;
}

/// Opens connections.
pub trait Connect: Send + Sync {
    /// Logs in to a database.
    fn connect(
        &self,
        target: Target,
        credentials: Credentials,
    ) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, DatabaseError>>;
}

pub use crm_api::database::by_hand::quote;

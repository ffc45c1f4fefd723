//! From a site to a connection with its database: Secret, login, time limits. It reads; what is asked over the
//! connection is up to whoever opened it. Opening twice is harmless.
//!
//! Credentials go from the Secret through memory to the wire. No error of this module repeats anything of their content.

use std::sync::Arc;
use std::time::Duration;

use crm_api::CrmSite;
use crm_api::site::AccessFrom;
use crm_database::{Credentials, DatabaseError, Row, SqlServer, Statement, Target};
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use crate::call::{CallError, call};
use crate::context::Context;
use crate::limits::DATABASE_CONNECT;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    /// The Secret does not hold what it should. A sentence with its remedy.
    #[error("{0}")]
    Secret(String),
    /// The API server did not give the Secret.
    #[error(transparent)]
    Call(CallError),
    /// SQL Server did not let us in.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Opens connections to one site's database. A task that loses its connection opens another.
pub(crate) trait Open: Send + Sync {
    /// Logs in to the site's database.
    fn open(&self) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, ConnectionError>>;
    /// Logs in to the server itself: a database that is being restored lets nobody in.
    fn open_server(&self) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, ConnectionError>>;
}

/// The way over the site's Secret.
pub(crate) struct SiteDatabase<'a> {
    pub(crate) context: &'a Context,
    pub(crate) site: &'a CrmSite,
}

impl Open for SiteDatabase<'_> {
    fn open(&self) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, ConnectionError>> {
        Box::pin(open(self.context, self.site, &self.site.spec.database.name))
    }

    fn open_server(&self) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, ConnectionError>> {
        Box::pin(open(self.context, self.site, crm_database::restore::MASTER))
    }
}

async fn open(context: &Context, site: &CrmSite, database: &str) -> Result<Arc<dyn SqlServer>, ConnectionError> {
    let spec = &site.spec.database;
    match spec.access_from {
        AccessFrom::Controller {} => {}
    }
    let namespace = site.metadata.namespace.as_deref().unwrap_or_default();
    let credentials = credentials(context, namespace, &spec.credentials_ref.name, &spec.server).await?;
    let target = Target { server: spec.server.clone(), database: database.to_owned() };
    let connecting = context.connect.connect(target, credentials);
    let inner = within(DATABASE_CONNECT, &spec.server, connecting).await?;
    Ok(Arc::new(Limited { inner, server: spec.server.clone() }))
}

/// A login for this server. Whoever declares sites need not be one who may read Secrets: so the Secret itself says to which
/// servers it may be taken, and not the site that names it.
async fn credentials(
    context: &Context,
    namespace: &str,
    name: &str,
    server: &str,
) -> Result<Credentials, ConnectionError> {
    let found = secret(context, namespace, name, "the keys username, password and servers").await?;
    let text = |key: &str| text_of(&found, namespace, name, key);
    if !text("servers")?.split_whitespace().any(|named| named.eq_ignore_ascii_case(server)) {
        return Err(ConnectionError::Secret(format!(
            "key servers of Secret {namespace}/{name} does not name {server}, so its login is not taken there: if it is meant \
             for that server, add it"
        )));
    }
    Ok(Credentials::new(text("username")?, text("password")?))
}

/// One key of a Secret that a site names.
pub(crate) async fn secret_text(
    context: &Context,
    namespace: &str,
    name: &str,
    key: &str,
) -> Result<String, ConnectionError> {
    let found = secret(context, namespace, name, &format!("the key {key}")).await?;
    text_of(&found, namespace, name, key)
}

async fn secret(context: &Context, namespace: &str, name: &str, keys: &str) -> Result<Secret, ConnectionError> {
    let api: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    let found = call("read a Secret that the site names", api.get_opt(name)).await.map_err(|error| {
        if error.is_forbidden() {
            ConnectionError::Secret(format!(
                "Secret {namespace}/{name} may not be read: grant the controller `get` on it"
            ))
        } else {
            ConnectionError::Call(without_content(error))
        }
    })?;
    found.ok_or_else(|| {
        ConnectionError::Secret(format!("Secret {namespace}/{name} does not exist: create it with {keys}"))
    })
}

fn text_of(secret: &Secret, namespace: &str, name: &str, key: &str) -> Result<String, ConnectionError> {
    let found = secret.data.as_ref().and_then(|data| data.get(key));
    let bytes =
        found.ok_or_else(|| ConnectionError::Secret(format!("Secret {namespace}/{name} has no key {key}: add it")))?;
    String::from_utf8(bytes.0.clone()).map_err(|_| {
        ConnectionError::Secret(format!(
            "key {key} of Secret {namespace}/{name} is not UTF-8 text: write it again as text"
        ))
    })
}

/// A decoding error quotes what it could not decode; of a Secret nothing may be quoted.
fn without_content(error: CallError) -> CallError {
    match error {
        CallError::Failed { what, source } => match *source {
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => CallError::Lost { what },
            other => CallError::Failed { what, source: Box::new(other) },
        },
        CallError::Lost { .. } | CallError::Endless { .. } => error,
    }
}

/// A connection whose statements end within their own time limits.
struct Limited {
    inner: Arc<dyn SqlServer>,
    server: String,
}

impl SqlServer for Limited {
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        let limit = Duration::from_secs(u64::from(statement.time_limit_seconds));
        Box::pin(within(limit, &self.server, self.inner.run(statement)))
    }
}

async fn within<T>(
    limit: Duration,
    server: &str,
    answer: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} seconds", limit.as_secs());
        Err(DatabaseError::Lost { server: server.to_owned(), message })
    })
}

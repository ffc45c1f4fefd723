//! The way to a cluster: kubeconfig, context and namespace; or a client that somebody else made.

use std::sync::Arc;

use crm_api::clock::Clock;
use crm_process::cluster::pem;
use crm_process::told;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::Failure;
use crate::arguments::cluster::Place;
use crate::cluster::node_identity::Server;
use crate::words::one_line;

/// A cluster, the namespace that is meant, and the clock that ages are told by.
#[derive(Clone)]
pub struct Connection {
    /// Asks the API server as the person who runs the command.
    pub client: Client,
    /// Namespace of sites that are named without one.
    pub namespace: String,
    /// Where the API server is; not known where somebody else made the client.
    pub server: Option<Server>,
    /// The time now.
    pub clock: Arc<dyn Clock>,
}

impl Connection {
    /// Opens it as kubectl would.
    ///
    /// # Errors
    /// When there is no usable kubeconfig.
    pub async fn open(place: &Place) -> Result<Self, Failure> {
        let options = KubeConfigOptions { context: place.context.clone(), ..KubeConfigOptions::default() };
        let config = match (&place.kubeconfig, &place.context) {
            (Some(file), _) => match Kubeconfig::read_from(file) {
                Ok(read) => Config::from_custom_kubeconfig(read, &options).await.map_err(|error| told(&error)),
                Err(error) => Err(told(&error)),
            },
            (None, Some(_)) => Config::from_kubeconfig(&options).await.map_err(|error| told(&error)),
            (None, None) => Config::infer().await.map_err(|error| told(&error)),
        };
        let config = config.map_err(|why| {
            Failure::Cluster(format!("no way to a cluster: {why}; check KUBECONFIG, --kubeconfig and --context"))
        })?;
        let namespace = config.default_namespace.clone();
        let authority = config.root_cert.as_ref().map(|certificates| pem(certificates));
        let server = Some(Server { url: config.cluster_url.to_string().trim_end_matches('/').to_owned(), authority });
        // A build of the whole workspace has two providers of cryptography; chosen already, that choice stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::try_from(config).map_err(|error| Failure::Cluster(told(&error)))?;
        let clock = Arc::new(ServerClock { ahead: ahead_of_this_computer(&client).await });
        Ok(Self { client, namespace, server, clock }.at(place))
    }

    /// The same cluster, in the namespace that a command names.
    #[must_use]
    pub fn at(&self, place: &Place) -> Self {
        let namespace = place.namespace.clone().unwrap_or_else(|| self.namespace.clone());
        Self { namespace, ..self.clone() }
    }
}

/// The clock of the API server, as far as its answers tell it: what objects say of time was written by clocks of the
/// cluster, and that of a sandbox shows a night of its own.
struct ServerClock {
    ahead: SignedDuration,
}

impl Clock for ServerClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(self.ahead).unwrap_or(now)
    }
}

/// How far the server's clock is ahead. The header `Date` has whole seconds: less than two say nothing. A server that does not
/// answer here will not answer the command either, which then says so.
async fn ahead_of_this_computer(client: &Client) -> SignedDuration {
    let Ok(request) = http::Request::get("/version").body(Body::empty()) else { return SignedDuration::ZERO };
    let Ok(response) = client.send(request).await else { return SignedDuration::ZERO };
    let date = response.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
    let ahead = date.map_or(0, |date| date.as_second() - Timestamp::now().as_second());
    if ahead.abs() < 2 { SignedDuration::ZERO } else { SignedDuration::from_secs(ahead) }
}

/// What the API server said to a question, for a person.
#[must_use]
pub fn refused(doing: &str, error: &kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) if status.code == 401 => {
            Failure::Cluster(format!("cannot {doing}: the API server does not know you; log in to the cluster again"))
        }
        kube::Error::Api(status) if status.code == 403 => Failure::Cluster(format!(
            "you may not {doing}: {}; ask an administrator of the cluster for the right",
            one_line(&status.message)
        )),
        kube::Error::Api(status) if status.code == 404 => Failure::Cluster(format!(
            "cannot {doing}: the cluster does not know this kind; install the definitions in crds/ first"
        )),
        kube::Error::Api(status) => Failure::Refused(format!("cannot {doing}: {}", one_line(&status.message))),
        other => Failure::Cluster(format!("cannot {doing}: {}", told(other))),
    }
}

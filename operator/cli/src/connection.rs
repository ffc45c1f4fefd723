//! The way to a cluster: kubeconfig, context and namespace; or a client that somebody else made.

use std::sync::Arc;

use crm_api::clock::Clock;
use jiff::Timestamp;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::Failure;
use crate::arguments::cluster::Place;
use crate::words::one_line;

/// A cluster, the namespace that is meant, and the clock that ages are told by.
#[derive(Clone)]
pub struct Connection {
    /// Asks the API server as the person who runs the command.
    pub client: Client,
    /// Namespace of sites that are named without one.
    pub namespace: String,
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
        // A build of the whole workspace has two providers of cryptography; chosen already, that choice stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::try_from(config).map_err(|error| Failure::Cluster(told(&error)))?;
        Ok(Self { client, namespace, clock: Arc::new(WallClock) }.at(place))
    }

    /// The same cluster, in the namespace that a command names.
    #[must_use]
    pub fn at(&self, place: &Place) -> Self {
        let namespace = place.namespace.clone().unwrap_or_else(|| self.namespace.clone());
        Self { namespace, ..self.clone() }
    }
}

/// An error with its causes, on one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in std::iter::successors(Some(error), |error| error.source()) {
        let text = one_line(&cause.to_string());
        // Many errors repeat their cause in their own text.
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    parts.join(": ")
}

/// The clock of this computer.
struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
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

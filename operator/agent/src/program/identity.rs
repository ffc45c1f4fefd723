//! The agent's own identity. What a person brings is good for minutes and once; the agent exchanges it at once for a token of
//! its own, keeps that in its own folder, renews it well before its end, and follows the cluster where that exchanges its
//! authority. What is decided about it stands in `credential.rs`.

mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crm_api::clock::Clock;
use crm_process::cluster::{self, ClusterFlags, pem};
use crm_process::exit::Failure;
use crm_process::requests::Counted;
use crm_process::{chance, private, told};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::credential::{Claims, Given, Way, followed, wait_after, way};
use super::vitals::Vitals;

/// The kept token, alone in its file: the client reads it again by itself.
const TOKEN: &str = "identity.token";
/// The uid of the Secret by which the bootstrap file is good, until that is gone.
const UNSPENT: &str = "identity.unspent";
/// Where the cluster is, by what it is known, and which file the token is in.
const KUBECONFIG: &str = "identity.kubeconfig";
/// What is said where there is no token in an answer.
const NO_TOKEN: &str = "has answered without a token";
/// One answer takes no longer.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// A machine that was asleep finds out within this time that its token is due.
const LOOK: Duration = Duration::from_secs(5 * 60);
/// How soon an API server that did not answer at the start is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Where an identity is kept, and of whom.
pub(super) struct Identity {
    pub(super) folder: PathBuf,
    pub(super) node: String,
    /// How long a token is asked to live.
    pub(super) life: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) vitals: Arc<Vitals>,
}

/// A way to the cluster.
pub(super) struct Access {
    pub(super) config: Config,
    /// What the agent's own token says; none where it goes by somebody else's credential.
    pub(super) own: Option<Claims>,
}

impl Identity {
    /// The way to the cluster that this agent begins with.
    ///
    /// # Errors
    /// When there is none, or the API server does not take it.
    pub(super) async fn begin(&self, flags: &ClusterFlags) -> Result<Access, Failure> {
        let kept = std::fs::read_to_string(self.token_file()).ok().and_then(|token| Claims::read(&token));
        let given = self.given(flags, kept.is_some()).await?;
        for claims in kept.iter().chain(given.iter().filter_map(|(_, given)| given.claims())) {
            self.is_ours(claims)?;
        }
        let now = self.clock.now();
        let chosen = way(kept.as_ref(), given.as_ref().map(|(_, given)| given), now);
        match (chosen, given) {
            (Ok(Way::AsItIs), Some((config, _))) => Ok(Access { config, own: None }),
            (Ok(Way::Exchange), Some((config, Given::Token(claims)))) => {
                match (self.exchange(&config, &claims, flags.start_patience).await, &kept) {
                    (Ok(access), _) => Ok(access),
                    (Err(failure), Some(kept)) if way(Some(kept), None, now) == Ok(Way::Kept) => {
                        tracing::warn!(%failure, "going on with the token that is kept");
                        self.kept().await
                    }
                    (Err(failure), _) => Err(failure),
                }
            }
            (Ok(_), _) => self.kept().await,
            (Err(nothing), _) => Err(self.nothing(nothing, flags, kept.as_ref())),
        }
    }

    /// What a person gave. A bootstrap file may be gone once it was used.
    async fn given(&self, flags: &ClusterFlags, is_kept: bool) -> Result<Option<(Config, Given)>, Failure> {
        let gone = match &flags.kubeconfig {
            Some(file) => !file.exists(),
            None => flags.context.is_none(),
        };
        if is_kept && gone {
            return Ok(None);
        }
        let config = cluster::configured(flags).await?;
        let given = token_of(&config).and_then(|token| Claims::read(&token));
        let given = given.filter(|claims| claims.account.starts_with(&crm_api::node_account("")));
        Ok(Some((config, given.map_or(Given::Other, Given::Token))))
    }

    /// Exchanges a bootstrap file for a token of the agent's own; after that the file opens nothing any more.
    async fn exchange(&self, config: &Config, given: &Claims, patience: Duration) -> Result<Access, Failure> {
        let client = cluster::client(config.clone(), &self.counted())?;
        let until = Instant::now() + patience;
        let token = loop {
            match self.request(&client, given).await {
                Ok(Some((token, _))) => break token,
                // What is kept stays: something else than an API server has answered.
                Ok(None) if Instant::now() + AGAIN >= until => {
                    return Err(Failure::Cluster(format!("{} {NO_TOKEN}", config.cluster_url)));
                }
                Ok(None) => tracing::warn!("the API server {NO_TOKEN}; it is asked again"),
                // An account and rights that were written a moment ago are heard of a moment later: not even 401 is the last word.
                Err(kube::Error::Api(status)) if status.code < 500 && Instant::now() + AGAIN >= until => {
                    return Err(self.not_taken(config, &status, given));
                }
                Err(error) if Instant::now() + AGAIN >= until => {
                    return Err(Failure::Cluster(format!(
                        "the API server at {} cannot be reached: {}; check the address in the kubeconfig, the network and the \
                         server's certificate",
                        config.cluster_url,
                        told(&error)
                    )));
                }
                Err(error) => tracing::warn!(error = told(&error), "the bootstrap file cannot be exchanged yet"),
            }
            tokio::time::sleep(chance::near(AGAIN)).await;
        };
        self.write_way(config, &given.namespace)?;
        if let Some(uid) = &given.bound_to {
            self.write(&self.unspent_file(), uid)?;
        }
        self.write_token(&token)?;
        let access = self.kept().await?;
        self.spend(&cluster::client(access.config.clone(), &self.counted())?, &given.namespace).await;
        let expires = access.own.as_ref().map(|own| own.expires.to_string());
        tracing::info!(expires, "the bootstrap file was exchanged for a token of this agent's own; it can be deleted");
        Ok(access)
    }

    /// Ends the token of the bootstrap file that this agent has used, by removing the object that it is bound to: that one and
    /// none of a later file. Where that fails, or this program dies before it, the next start or renewal does it.
    async fn spend(&self, client: &Client, namespace: &str) {
        let Ok(uid) = std::fs::read_to_string(self.unspent_file()) else { return };
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let only = Preconditions { uid: Some(uid), ..Preconditions::default() };
        let params = DeleteParams { preconditions: Some(only), ..DeleteParams::default() };
        match limited(secrets.delete(&crm_api::bootstrap_secret(&self.node), &params)).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => {
                tracing::warn!(
                    error = told(&error),
                    "the bootstrap file stays good until its own end, or until this is tried again"
                );
                return;
            }
        }
        if let Err(error) = std::fs::remove_file(self.unspent_file()) {
            tracing::warn!(%error, "that the bootstrap file was ended cannot be kept; it is ended again at the next start");
        }
    }

    /// Asks for a token; nothing where the answer has none that can be read.
    async fn request(&self, client: &Client, claims: &Claims) -> Result<Option<(String, Claims)>, kube::Error> {
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &claims.namespace);
        let expiration_seconds = i64::try_from(self.life.as_secs()).ok();
        let spec = TokenRequestSpec { expiration_seconds, ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let params = PostParams::default();
        let asked = accounts.create_token_request(&claims.account, &params, &request);
        let token = limited(asked).await?.status.map(|status| status.token);
        Ok(token.and_then(|token| Claims::read(&token).map(|claims| (token, claims))))
    }

    /// Keeps the token good for as long as it is polled. Ends when the cluster has another authority, which the client has to
    /// be made anew for.
    pub(super) async fn keep(&self, client: &Client, own: Claims) {
        let (mut own, spread, mut is_new) = (own, chance::number(), false);
        self.spend(client, &own.namespace).await;
        loop {
            match self.follow(client, &own.namespace).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(why) => tracing::warn!(why, "the authority of the cluster cannot be read; it stays as it is"),
            }
            let now = self.clock.now();
            // A token that was made just now is as old as it is, whatever this machine's clock says.
            let wait = if is_new { own.renews_after(spread) } else { own.renews_in(now, spread) };
            self.wait_until(now.saturating_add(wait).unwrap_or(own.expires)).await;
            own = self.renew(client, own).await;
            is_new = true;
        }
    }

    async fn wait_until(&self, due: Timestamp) {
        loop {
            let left = due.duration_since(self.clock.now());
            if left <= SignedDuration::ZERO {
                return;
            }
            tokio::time::sleep(Duration::try_from(left).unwrap_or(LOOK).min(LOOK)).await;
        }
    }

    /// Tries until it has the next token: the old one is good meanwhile, and where it is not any more, the API server may
    /// still come to its senses.
    async fn renew(&self, client: &Client, own: Claims) -> Claims {
        let mut failures = 0_u32;
        loop {
            let why = match self.request(client, &own).await {
                Ok(Some((token, next))) => match self.write_token(&token) {
                    Ok(()) => {
                        tracing::info!(expires = %next.expires, "the agent's token was renewed");
                        return next;
                    }
                    Err(failure) => failure.to_string(),
                },
                Ok(None) => format!("the API server {NO_TOKEN}"),
                Err(error) => told(&error),
            };
            failures = failures.saturating_add(1);
            if self.clock.now() < own.expires {
                tracing::warn!(why, expires = %own.expires, "the agent's token was not renewed; trying again");
            } else {
                let remedy = self.enroll(&own.namespace);
                let what = "the agent's token has ended; it needs a new file, unless the API server answers again";
                tracing::error!(why, remedy, "{what}");
            }
            tokio::time::sleep(chance::near(wait_after(failures))).await;
        }
    }

    /// Takes over the authority that the cluster publishes; whether it is another one.
    async fn follow(&self, client: &Client, namespace: &str) -> Result<bool, String> {
        let mut kept = self.read_way()?;
        let trusted = kept["clusters"][0]["cluster"]["certificate-authority-data"].as_str().map(str::to_owned);
        // By those that this machine trusts anyway, nothing is followed.
        let Some(trusted) = trusted else { return Ok(false) };
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        let published = limited(maps.get(crm_api::AUTHORITY_MAP)).await.map_err(|error| told(&error))?;
        let published = published.data.unwrap_or_default().remove("ca.crt").unwrap_or_default();
        let Some(authority) = followed(&trusted, &published) else { return Ok(false) };
        kept["clusters"][0]["cluster"]["certificate-authority-data"] = json!(authority);
        private::replace(&self.way_file(), &format!("{kept:#}\n")).map_err(|error| error.to_string())?;
        tracing::info!("the cluster has another authority; it is followed");
        Ok(true)
    }

    /// The way by the token that is kept.
    pub(super) async fn kept(&self) -> Result<Access, Failure> {
        let file = self.way_file();
        let told_of = |why: String| {
            Failure::Place(format!("{}: {why}; get a new file ({})", file.display(), self.enroll("NAMESPACE")))
        };
        let read = Kubeconfig::read_from(&file).map_err(|error| told_of(told(&error)))?;
        let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
        let mut config = config.map_err(|error| told_of(told(&error)))?;
        config.default_retry = false;
        let own = token_of(&config).and_then(|token| Claims::read(&token));
        if let Some(own) = &own {
            self.vitals.token_until(own.expires);
        }
        Ok(Access { config, own })
    }

    /// What a client of these needs to count its requests.
    pub(super) fn counted(&self) -> Counted {
        Counted::by(self.vitals.clone())
    }

    fn token_file(&self) -> PathBuf {
        self.folder.join(TOKEN)
    }

    fn unspent_file(&self) -> PathBuf {
        self.folder.join(UNSPENT)
    }

    fn way_file(&self) -> PathBuf {
        self.folder.join(KUBECONFIG)
    }

    fn read_way(&self) -> Result<Value, String> {
        let text = std::fs::read(self.way_file()).map_err(|error| error.to_string())?;
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    }

    fn write_token(&self, token: &str) -> Result<(), Failure> {
        self.write(&self.token_file(), token)?;
        if let Some(claims) = Claims::read(token) {
            self.vitals.token_until(claims.expires);
        }
        Ok(())
    }

    fn write_way(&self, config: &Config, namespace: &str) -> Result<(), Failure> {
        let mut cluster = json!({"server": config.cluster_url.to_string()});
        if let Some(authority) = &config.root_cert {
            cluster["certificate-authority-data"] = json!(pem(authority));
        }
        if let Some(name) = &config.tls_server_name {
            cluster["tls-server-name"] = json!(name);
        }
        if let Some(proxy) = &config.proxy_url {
            cluster["proxy-url"] = json!(proxy.to_string());
        }
        // YAML is a superset of JSON. The token's name is read as beside this file, wherever the folder lies.
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{"name": "crm", "cluster": cluster}],
            "users": [{"name": "crm", "user": {"tokenFile": TOKEN}}],
            "contexts": [{"name": "crm", "context": {"cluster": "crm", "user": "crm", "namespace": namespace}}],
            "current-context": "crm",
        });
        self.write(&self.way_file(), &format!("{kubeconfig:#}\n"))
    }

    fn write(&self, file: &Path, text: &str) -> Result<(), Failure> {
        private::replace(file, text).map_err(|error| {
            Failure::Place(format!(
                "{}: {error}; name a folder with --data that this program may write to",
                file.display()
            ))
        })
    }
}

impl Given {
    fn claims(&self) -> Option<&Claims> {
        match self {
            Self::Token(claims) => Some(claims),
            Self::Other => None,
        }
    }
}

fn token_of(config: &Config) -> Option<String> {
    // The type of the token has no way out but its JSON form, which the crate writes in full.
    let user = serde_json::to_value(&config.auth_info).ok()?;
    match (user["token"].as_str(), user["tokenFile"].as_str()) {
        (Some(token), _) => Some(token.to_owned()),
        (None, Some(file)) => std::fs::read_to_string(file).ok(),
        (None, None) => None,
    }
}

async fn limited<T>(call: impl Future<Output = Result<T, kube::Error>>) -> Result<T, kube::Error> {
    let late = |_| kube::Error::Service(format!("no answer within {} seconds", CALL_LIMIT.as_secs()).into());
    tokio::time::timeout(CALL_LIMIT, call).await.map_err(late)?
}

#[cfg(test)]
mod tests;

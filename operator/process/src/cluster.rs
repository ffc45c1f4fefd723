//! From flags to a client, and the first words with the API server: whoever starts a program shall read at once what is
//! wrong, not find it in a log later.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Status;
use kube::{Client, Config};
use tokio::time::Instant;

use crate::exit::Failure;
use crate::flags::seconds;
use crate::requests::Counted;
use crate::{chance, told};

/// One answer at the start takes no longer.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// How soon an API server that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Where the cluster is.
#[derive(Clone, Debug, clap::Args)]
pub struct ClusterFlags {
    /// File with the way to the cluster and the identity there. Left out: the file that KUBECONFIG names, ~/.kube/config, or
    /// the pod's own service account, whichever is there first
    #[arg(long, env = "CRM_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of that file. Left out: its current one
    #[arg(long, env = "CRM_CONTEXT", value_name = "NAME")]
    pub context: Option<String>,
    /// How long an API server that does not answer at the start is waited for, in seconds. Later there is no such limit:
    /// the program stays, is not ready, and tries on
    #[arg(long, env = "CRM_START_PATIENCE", value_name = "SECONDS", default_value = "15", value_parser = seconds)]
    pub start_patience: Duration,
}

/// Reads the way to the cluster.
///
/// # Errors
/// When there is none.
pub async fn configured(flags: &ClusterFlags) -> Result<Config, Failure> {
    let options = KubeConfigOptions { context: flags.context.clone(), ..KubeConfigOptions::default() };
    let config = match (&flags.kubeconfig, &flags.context) {
        (Some(file), _) => {
            let read = Kubeconfig::read_from(file).map_err(|error| {
                Failure::Flag(format!("--kubeconfig {}: {}; name a kubeconfig file", file.display(), told(&error)))
            })?;
            Config::from_custom_kubeconfig(read, &options).await.map_err(|error| told(&error))
        }
        (None, Some(_)) => Config::from_kubeconfig(&options).await.map_err(|error| told(&error)),
        (None, None) => Config::infer().await.map_err(|error| told(&error)),
    };
    let mut config = config.map_err(|why| {
        Failure::Cluster(format!(
            "no way to a cluster: {why}; name a file with --kubeconfig or KUBECONFIG, or run in a pod that has a service account"
        ))
    })?;
    // Each call has its own limit, and each loop its own rhythm of trying again; hidden tries would outlast both.
    config.default_retry = false;
    Ok(config)
}

/// Certificates (DER) as a kubeconfig has them: PEM in base64.
#[must_use]
pub fn pem(certificates: &[Vec<u8>]) -> String {
    let block = |certificate: &Vec<u8>| {
        let text = STANDARD.encode(certificate);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    };
    STANDARD.encode(certificates.iter().map(block).collect::<String>())
}

/// A client whose requests are counted.
///
/// # Errors
/// When certificates or keys of the configuration cannot be used.
pub fn client(config: Config, counted: &Counted) -> Result<Client, Failure> {
    let builder = ClientBuilder::try_from(config).map_err(|error| {
        Failure::Cluster(format!("the way to the cluster cannot be used: {}; correct the kubeconfig", told(&error)))
    })?;
    Ok(builder.with_layer(counted).build())
}

/// Waits until the API server answers.
///
/// # Errors
/// When it does not within `patience`, or does not know us.
pub async fn meet(client: &Client, url: &http::Uri, patience: Duration) -> Result<(), Failure> {
    let until = Instant::now() + patience;
    loop {
        let asked = tokio::time::timeout(CALL_LIMIT.min(patience), client.apiserver_version()).await;
        let why = match asked {
            Ok(Ok(version)) => {
                tracing::info!(%url, version = version.git_version, "the API server answers");
                return Ok(());
            }
            Ok(Err(kube::Error::Api(status))) if status.code == 401 => return Err(unknown(url, &status)),
            // It answered, and would only not tell its version.
            Ok(Err(kube::Error::Api(status))) if status.code < 500 => return Ok(()),
            Ok(Err(error)) => told(&error),
            Err(_) => format!("no answer within {} seconds", CALL_LIMIT.min(patience).as_secs()),
        };
        if Instant::now() + AGAIN >= until {
            return Err(Failure::Cluster(format!(
                "the API server at {url} cannot be reached: {why}; check the address in the kubeconfig, the network and the \
                 server's certificate"
            )));
        }
        tracing::warn!(%url, why, "the API server cannot be reached yet");
        tokio::time::sleep(chance::near(AGAIN)).await;
    }
}

fn unknown(url: &http::Uri, status: &Status) -> Failure {
    Failure::Cluster(format!(
        "the API server at {url} does not know this identity ({}): renew the token or certificate in the kubeconfig; for the \
         agent of a server: kubectl crm node enroll NAME --renew --file FILE, and start it with that file",
        status.message
    ))
}

/// Looks whether the cluster knows the kinds, by their plural names.
///
/// # Errors
/// When one is missing.
pub async fn definitions(client: &Client, plurals: &[&str]) -> Result<(), Failure> {
    let asked = tokio::time::timeout(CALL_LIMIT, client.list_api_group_resources(crm_api::API_VERSION)).await;
    let served = match asked {
        Ok(Ok(list)) => list.resources.into_iter().map(|resource| resource.name).collect(),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Vec::new(),
        Ok(Err(error)) => {
            tracing::warn!(error = told(&error), "the cluster does not say which kinds it knows");
            return Ok(());
        }
        Err(_) => {
            tracing::warn!("the cluster does not say in time which kinds it knows");
            return Ok(());
        }
    };
    match missing(plurals, &served) {
        None => Ok(()),
        Some(missing) => Err(Failure::Definitions(format!(
            "the cluster does not know {missing} of {}: apply the files in crds/ first (kubectl apply -f crds/)",
            crm_api::API_VERSION
        ))),
    }
}

fn missing(wanted: &[&str], served: &[String]) -> Option<String> {
    let missing: Vec<&str> =
        wanted.iter().filter(|name| !served.iter().any(|served| served == *name)).copied().collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{ClusterFlags, configured, meet, missing};
    use kube::Client;
    use std::time::Duration;

    fn flags(kubeconfig: &str) -> ClusterFlags {
        ClusterFlags { kubeconfig: Some(kubeconfig.into()), context: None, start_patience: Duration::from_secs(1) }
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_and_one_that_is_no_kubeconfig_are_named() {
        let failure = configured(&flags("/nowhere/config")).await.unwrap_err();
        assert_eq!(failure.code(), 2);
        assert!(failure.to_string().contains("--kubeconfig /nowhere/config"), "{failure}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, "apiVersion: v1\nkind: Config\n").unwrap();
        let failure = configured(&flags(&file.to_string_lossy())).await.unwrap_err();
        assert_eq!(failure.code(), 3);
        assert!(failure.to_string().starts_with("no way to a cluster: "), "{failure}");
    }

    #[tokio::test]
    async fn an_api_server_that_is_not_there_is_one_sentence_with_its_address_and_a_remedy() {
        crate::start::choose_cryptography();
        let url: http::Uri = "http://127.0.0.1:1/".parse().unwrap();
        let client = Client::try_from(kube::Config::new(url.clone())).unwrap();
        let failure = meet(&client, &url, Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(failure.code(), 3);
        let said = failure.to_string();
        assert!(said.contains("http://127.0.0.1:1/") && said.contains("check the address"), "{said}");
    }

    #[test]
    fn missing_kinds_are_named() {
        let served = ["crmsites".to_owned(), "crmsites/status".to_owned()];
        assert_eq!(missing(&["crmsites"], &served), None);
        assert_eq!(missing(&["crmsites", "crmnodes", "crmchanges"], &served).as_deref(), Some("crmnodes, crmchanges"));
    }
}

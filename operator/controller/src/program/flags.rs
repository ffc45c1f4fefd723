//! Configuration. Every flag has an environment variable, since a chart sets those; the flag wins.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use crm_process::chance;
use crm_process::cluster::ClusterFlags;
use crm_process::exit::Failure;
use crm_process::flags::seconds;
use crm_process::logs::LogFlags;

use crate::Config;

/// So many renewals fit into a lease: one may fail, and the next one too.
const RENEWALS_MIN: u32 = 3;

/// Carries CRM sites from release to release: watches CrmSite and its kin, gives orders to the agents on the servers, and
/// reads the sites' databases. Several may run; one leads
#[derive(Clone, Debug, Parser)]
#[command(
    name = super::NAME,
    version,
    after_help = "Examples:\n  \
        crm-operator --namespace crm-operator --listen 0.0.0.0:8080\n  \
        crm-operator --kubeconfig ~/.kube/config --log-format text --log-level info,crm_controller=debug\n\n\
        Exit codes: 0 told to end, 1 broken inside, 2 wrong flag, 3 no cluster, 4 definitions missing, 5 no address."
)]
pub struct Flags {
    /// The operator's own namespace: its Lease lies there, and a CrmDecision `Stop` there stands over all sites. Left out:
    /// the pod's namespace, or that of the kubeconfig's context
    #[arg(long, env = "CRM_NAMESPACE", value_name = "NAME")]
    pub namespace: Option<String>,
    /// Name of this process in the Lease; no two processes may have the same. Left out: the machine's or pod's name and a
    /// random ending
    #[arg(long, env = "CRM_IDENTITY", value_name = "NAME")]
    pub identity: Option<String>,
    /// How long a leader may stay silent before another one takes over, in seconds
    #[arg(long, env = "CRM_LEASE_SECONDS", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub lease_seconds: Duration,
    /// How often the leader renews the Lease and the others look at it, in seconds; at most a third of --lease-seconds
    #[arg(long, env = "CRM_RENEW_SECONDS", value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub renew_seconds: Duration,
    /// Address of `/healthz`, `/readyz` and `/metrics`. In a pod: its own address, since the kubelet asks from outside; never
    /// a public one, since it has neither TLS nor login
    #[arg(long, env = "CRM_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// File in PEM form with the authorities whose certificates SQL Servers may show, besides those that this system trusts
    #[arg(long, env = "CRM_SQL_CA_FILE", value_name = "FILE")]
    pub sql_ca_file: Option<PathBuf>,
    /// The cluster
    #[command(flatten)]
    pub cluster: ClusterFlags,
    /// Log and traces
    #[command(flatten)]
    pub log: LogFlags,
}

impl Flags {
    /// Whether the flags fit together.
    ///
    /// # Errors
    /// When they do not.
    pub fn judged(&self) -> Result<(), Failure> {
        if self.renew_seconds * RENEWALS_MIN > self.lease_seconds {
            return Err(Failure::Flag(format!(
                "--renew-seconds {} is more than a third of --lease-seconds {}: a renewal must be able to fail twice; raise \
                 the one or lower the other",
                self.renew_seconds.as_secs(),
                self.lease_seconds.as_secs()
            )));
        }
        for (flag, value) in [("--namespace", &self.namespace), ("--identity", &self.identity)] {
            if value.as_ref().is_some_and(|value| value.trim().is_empty()) {
                return Err(Failure::Flag(format!("{flag} is empty: give a name, or leave it out")));
            }
        }
        Ok(())
    }

    /// How it takes part in the election.
    pub(super) fn election(&self, default_namespace: &str) -> Config {
        let identity = self.identity.clone().unwrap_or_else(chance::process_name);
        Config {
            lease_duration: self.lease_seconds,
            renew_interval: self.renew_seconds,
            ..Config::new(&identity, self.namespace.as_deref().unwrap_or(default_namespace))
        }
    }

    /// What `--sql-ca-file` names.
    ///
    /// # Errors
    /// When it cannot be read, or holds no certificate.
    pub(super) fn authorities(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(file) = &self.sql_ca_file else { return Ok(None) };
        let content = std::fs::read(file).map_err(|error| {
            Failure::Flag(format!("--sql-ca-file {}: {error}; name a file that can be read", file.display()))
        })?;
        if String::from_utf8_lossy(&content).contains("-----BEGIN CERTIFICATE-----") {
            Ok(Some(content))
        } else {
            let text = format!("--sql-ca-file {} holds no certificate in PEM form: name another file", file.display());
            Err(Failure::Flag(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Flags;
    use clap::Parser as _;
    use std::time::Duration;

    fn flags(arguments: &[&str]) -> Result<Flags, clap::Error> {
        Flags::try_parse_from(std::iter::once(&"crm-operator").chain(arguments))
    }

    #[test]
    fn without_flags_a_successor_leads_within_some_seconds() {
        let flags = flags(&[]).unwrap();
        assert!(flags.judged().is_ok());
        let config = flags.election("crm-operator");
        assert_eq!(config.lease_namespace, "crm-operator");
        assert_eq!((config.lease_duration, config.renew_interval), (Duration::from_secs(10), Duration::from_secs(2)));
        assert_ne!(config.identity, flags.election("crm-operator").identity, "each life has its own name");
        assert!(flags.listen.ip().is_loopback(), "nobody outside this machine is let in unasked");
    }

    #[test]
    fn a_wrong_flag_ends_with_code_2_and_says_what_would_be_right() {
        for wrong in [
            &["--lease-seconds", "0"][..],
            &["--renew-seconds", "soon"],
            &["--listen", "8080"],
            &["--log-format", "xml"],
            &["--log-level", "crm_controller=loud"],
            &["--naemspace", "x"],
        ] {
            let error = flags(wrong).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{wrong:?}");
            assert!(error.to_string().contains(wrong[0]), "{error}");
        }
        let late = flags(&["--renew-seconds", "6"]).unwrap().judged().unwrap_err();
        assert_eq!(late.code(), 2);
        assert!(late.to_string().contains("--renew-seconds 6") && late.to_string().contains("10"), "{late}");
        assert_eq!(flags(&["--namespace", " "]).unwrap().judged().unwrap_err().code(), 2);
    }

    #[test]
    fn a_file_of_authorities_must_hold_one() {
        let missing = flags(&["--sql-ca-file", "/nowhere/ca.pem"]).unwrap().authorities().unwrap_err();
        assert_eq!(missing.code(), 2);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let with = |content: &str| {
            std::fs::write(&file, content).unwrap();
            flags(&["--sql-ca-file", &file.to_string_lossy()]).unwrap().authorities()
        };
        assert!(with("nothing").unwrap_err().to_string().contains("no certificate"));
        assert!(with("-----BEGIN CERTIFICATE-----\n").unwrap().is_some());
    }

    #[test]
    fn help_shows_units_defaults_and_examples() {
        use clap::CommandFactory as _;
        let help = Flags::command().render_long_help().to_string();
        for word in ["in seconds", "[default: 10]", "CRM_LEASE_SECONDS", "Examples:", "Exit codes:"] {
            assert!(help.contains(word), "{word}: {help}");
        }
    }
}

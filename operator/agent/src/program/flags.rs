//! Configuration. Every flag has an environment variable; the flag wins.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use crm_process::chance;
use crm_process::cluster::ClusterFlags;
use crm_process::exit::Failure;
use crm_process::logs::LogFlags;

/// Where the agent keeps its own files.
const DATA: &str = if cfg!(windows) { r"C:\ProgramData\crm-agent" } else { "/var/lib/crm-agent" };

/// Looks at one server and carries out the orders for it: reads its own CrmNode, writes that object's status and a sign of
/// life, and meets nobody else
#[derive(Clone, Debug, Parser)]
#[command(
    name = super::NAME,
    version,
    after_help = "Examples:\n  \
        # The first start, with the file that kubectl crm node enroll wrote; later ones need it no more\n  \
        crm-agent --node web1 --kubeconfig web1.kubeconfig\n  \
        crm-agent --node web1 --data D:\\crm-agent --listen 127.0.0.1:8081 --log-format text\n\n\
        Exit codes: 0 told to end, 1 broken inside, 2 wrong flag, 3 no cluster, 5 no address or folder."
)]
pub struct Flags {
    /// Name of the CrmNode of this machine. Left out: the machine's own name in lower case
    #[arg(long, env = "CRM_NODE", value_name = "NAME")]
    pub node: Option<String>,
    /// Namespace of that object. Left out: that of the kubeconfig's context
    #[arg(long, env = "CRM_NAMESPACE", value_name = "NAME")]
    pub namespace: Option<String>,
    /// Folder of the agent's own files: its identity, the journal of what was begun, and what programs printed. It must survive
    /// a restart of the machine, nobody else may read it, and no other agent may use it. On Windows `C:\ProgramData\crm-agent` where it is left out
    #[arg(long, env = "CRM_DATA", value_name = "FOLDER", default_value = DATA)]
    pub data: PathBuf,
    /// For how many hours the agent asks its own token to be good, 1 to 720; it gets itself the next one before the half of that.
    /// The longer, the longer an outage that it survives without a person, and the longer a token that was stolen is good where
    /// nobody revokes the server
    #[arg(long, env = "CRM_TOKEN_HOURS", value_name = "HOURS", default_value = "24", value_parser = clap::value_parser!(u16).range(1..=720))]
    pub token_hours: u16,
    /// What tells this machine from a copy of it, where the system cannot say it or its hardware was changed; any text. Left
    /// out: what firmware and system say
    #[arg(long, env = "CRM_MACHINE_ID", value_name = "TEXT")]
    pub machine_id: Option<String>,
    /// Address of `/healthz`, `/readyz` and `/metrics`; it has neither TLS nor login. Left out: none
    #[arg(long, env = "CRM_LISTEN", value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// The cluster
    #[command(flatten)]
    pub cluster: ClusterFlags,
    /// Log and traces
    #[command(flatten)]
    pub log: LogFlags,
}

impl Flags {
    /// Whether the flags make sense.
    ///
    /// # Errors
    /// When they do not.
    pub fn judged(&self) -> Result<(), Failure> {
        let node = self.node();
        let plain = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || "-.".contains(sign);
        if node.is_empty() || !node.chars().all(plain) {
            return Err(Failure::Flag(format!(
                "--node {node:?} is no name of an object: give the name of this machine's CrmNode, in lower-case letters, \
                 digits, - and ."
            )));
        }
        if self.namespace.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(Failure::Flag("--namespace is empty: give a name, or leave it out".to_owned()));
        }
        Ok(())
    }

    /// Name of the `CrmNode`.
    pub(super) fn node(&self) -> String {
        self.node.clone().unwrap_or_else(|| chance::machine_name().to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::Flags;
    use clap::Parser as _;

    fn flags(arguments: &[&str]) -> Result<Flags, clap::Error> {
        Flags::try_parse_from(std::iter::once(&"crm-agent").chain(arguments))
    }

    #[test]
    fn a_wrong_flag_ends_with_code_2_and_says_what_would_be_right() {
        for wrong in [&["--listen", "8081"][..], &["--log-format", "xml"], &["--node"], &["--data"]] {
            let error = flags(wrong).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{wrong:?}");
            assert!(error.to_string().contains(wrong[0]), "{error}");
        }
        for name in ["WEB 1", "Web1", ""] {
            let failure = flags(&["--node", name]).unwrap().judged().unwrap_err();
            assert_eq!(failure.code(), 2);
            assert!(failure.to_string().contains("--node"), "{failure}");
        }
        assert!(flags(&["--node", "web1.contoso.example"]).unwrap().judged().is_ok());
    }
}

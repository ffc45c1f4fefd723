//! What is said where an identity is not good, and what to do about it.

use std::path::Path;

use crm_process::exit::Failure;
use kube::Config;

use super::super::credential::{Claims, Nothing};
use super::{ClusterFlags, Identity};

impl Identity {
    pub(super) fn is_ours(&self, claims: &Claims) -> Result<(), Failure> {
        if claims.account == crm_api::node_account(&self.node) {
            return Ok(());
        }
        Err(Failure::Flag(format!(
            "--node {}: the identity is that of the ServiceAccount {}; name the node that it is for, or enrol this one: {}",
            self.node,
            claims.account,
            self.enroll(&claims.namespace)
        )))
    }

    pub(super) fn enroll(&self, namespace: &str) -> String {
        format!("kubectl crm node enroll {} -n {namespace} --renew --file FILE", self.node)
    }

    pub(super) fn nothing(&self, nothing: Nothing, flags: &ClusterFlags, kept: Option<&Claims>) -> Failure {
        let namespace = kept.map_or("NAMESPACE", |kept| &kept.namespace);
        let enroll = self.enroll(namespace);
        let file = flags.kubeconfig.as_deref().unwrap_or(Path::new("KUBECONFIG")).display();
        let what = match nothing {
            Nothing::GivenEnded => {
                format!("the token in {file} has ended: a bootstrap file is good for minutes, and once")
            }
            Nothing::KeptEnded | Nothing::Neither => {
                let ended = kept.map_or_else(String::new, |kept| format!(" on {}", kept.expires));
                format!(
                    "the token in {} has ended{ended}: the API server was away, or this program did not run, for too long",
                    self.token_file().display()
                )
            }
        };
        Failure::Cluster(format!("{what}; get a new file ({enroll}) and start this program with --kubeconfig FILE"))
    }

    pub(super) fn not_taken(&self, config: &Config, status: &kube::core::Status, given: &Claims) -> Failure {
        let (node, namespace) = (&self.node, &given.namespace);
        let enroll = self.enroll(namespace);
        let why = if status.code == 401 {
            format!(
                "it is good once, and until the server is revoked. Where this machine has used it, get a new one ({enroll}); where it \
                 has not, somebody else has: kubectl crm node revoke {node} -n {namespace}, then enrol it anew"
            )
        } else {
            format!("{}; enrol the server anew: {enroll}", status.message)
        };
        Failure::Cluster(format!("the API server at {} does not take the bootstrap file: {why}", config.cluster_url))
    }
}

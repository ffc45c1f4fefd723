//! A control plane of its own for each fleet, and what is put into it: definitions, rights, policies, objects, tokens.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::programs::{self, Process};
use crate::{fleet, measure};

/// Namespace of the operator.
pub(crate) const OPERATOR: &str = "crm-operator";
/// Whom the reflectors are.
pub(crate) const REFLECTORS: &str = "reflectors";
/// How long tokens are good for: longer than any measurement.
const TOKEN_SECONDS: i64 = 24 * 3600;
/// Sites that are created at once.
const AT_ONCE: usize = 6;
/// How long new definitions may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A control plane that ends with this.
pub(crate) struct ControlPlane {
    /// etcd, API server and the rest, in one process.
    pub(crate) process: Process,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) audit_log: PathBuf,
    pub(crate) client: Client,
    config: Config,
    dir: PathBuf,
}

/// Reads the way to a cluster.
///
/// # Errors
/// When there is none.
pub(crate) async fn config(kubeconfig: &Path) -> anyhow::Result<Config> {
    let flags = crm_process::cluster::ClusterFlags {
        kubeconfig: Some(kubeconfig.to_owned()),
        context: None,
        start_patience: PATIENCE,
    };
    Ok(crm_process::cluster::configured(&flags).await?)
}

impl ControlPlane {
    /// Starts one with everything in it but the sites.
    ///
    /// # Errors
    /// When it does not start, or refuses something.
    pub(crate) async fn start(repository: &Path, dir: &Path, sites: usize) -> anyhow::Result<Self> {
        let output = Command::new(repository.join("tests/cluster/start")).arg("--dir").arg(dir).output().await?;
        ensure!(output.status.success(), "tests/cluster/start: {}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout)?;
        let kubeconfig =
            said.trim().strip_prefix("export KUBECONFIG=").context("tests/cluster/start: no KUBECONFIG")?;
        let kubeconfig = PathBuf::from(kubeconfig);
        let pid = std::fs::read_to_string(dir.join("pid"))?.trim().parse()?;
        let config = config(&kubeconfig).await?;
        let client = Client::try_from(config.clone())?;
        let plane = Self {
            process: Process::of(pid),
            kubeconfig,
            audit_log: dir.join("audit.log"),
            client,
            config,
            dir: dir.to_owned(),
        };
        plane.furnish(repository, sites).await?;
        Ok(plane)
    }

    async fn furnish(&self, repository: &Path, sites: usize) -> anyhow::Result<()> {
        for crd in crm_api::crds() {
            apply(&self.client, &serde_json::to_value(crd)?).await?;
        }
        // Definitions are served a moment after they are stored.
        measure::until("the definitions are served", PATIENCE, async || {
            Ok(Api::<crm_api::CrmDecision>::all(self.client.clone())
                .list(&kube::api::ListParams::default())
                .await
                .is_ok())
        })
        .await?;
        for object in fleet::common_objects()? {
            apply(&self.client, &object).await?;
        }
        let secrets: Vec<String> = (1..=sites).map(fleet::secret).collect();
        let secrets = format!("[{}]", secrets.join(", "));
        for file in ["rbac.yaml", "policies.yaml", "secrets.yaml"] {
            let text = std::fs::read_to_string(repository.join("charts/plain").join(file))?;
            for document in text.replace("[contoso-sql]", &secrets).split("\n---") {
                let object: Value = serde_saphyr::from_str(document)?;
                if object.is_object() {
                    apply(&self.client, &object).await?;
                }
            }
        }
        for object in reader(REFLECTORS) {
            apply(&self.client, &object).await?;
        }
        Ok(())
    }

    /// Puts sites and enrolled servers into it.
    ///
    /// # Errors
    /// When it refuses one.
    pub(crate) async fn enrol(&self, sites: usize) -> anyhow::Result<()> {
        // The server begins to watch what the policies go by when it hears of them, and refuses everything until it knows it.
        measure::until("the policies know the kinds that they go by", PATIENCE, async || {
            Ok(self.enrol_one(1).await.is_ok())
        })
        .await?;
        let others = futures::stream::iter(2..=sites).map(|number| self.enrol_one(number));
        others.buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn enrol_one(&self, number: usize) -> anyhow::Result<()> {
        for object in fleet::objects(number)? {
            apply(&self.client, &object).await?;
        }
        Ok(())
    }

    /// A kubeconfig for a ServiceAccount of the operator's namespace.
    ///
    /// # Errors
    /// When there is no such account.
    pub(crate) async fn identity(&self, account: &str) -> anyhow::Result<PathBuf> {
        let token = token(&self.client, OPERATOR, account.to_owned()).await?;
        let text = std::fs::read_to_string(&self.kubeconfig)?;
        let mut config: Value = serde_saphyr::from_str(&text)?;
        for user in config["users"].as_array_mut().into_iter().flatten() {
            user["user"] = json!({"token": token});
        }
        let file = self.dir.join(format!("{account}.kubeconfig"));
        std::fs::write(&file, config.to_string())?;
        Ok(file)
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> String {
        self.config.cluster_url.to_string()
    }

    /// Ends it.
    pub(crate) async fn end(self) {
        programs::end(&self.process).await;
    }
}

/// A token of a ServiceAccount.
///
/// # Errors
/// When there is no such account.
pub(crate) async fn token(client: &Client, namespace: &str, account: String) -> anyhow::Result<String> {
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let request = TokenRequest {
        spec: TokenRequestSpec { expiration_seconds: Some(TOKEN_SECONDS), ..TokenRequestSpec::default() },
        ..TokenRequest::default()
    };
    let answer = api.create_token_request(&account, &PostParams::default(), &request).await;
    Ok(answer.with_context(|| format!("a token of {account}"))?.status.context("no token")?.token)
}

/// Somebody who may read all of our kinds.
fn reader(name: &str) -> [Value; 3] {
    let rbac = "rbac.authorization.k8s.io";
    [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": OPERATOR}}),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRole", "metadata": {"name": name},
            "rules": [{"apiGroups": [crm_api::GROUP], "resources": ["*"], "verbs": ["get", "list", "watch"]}],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": OPERATOR}],
        }),
    ]
}

async fn apply(client: &Client, object: &Value) -> anyhow::Result<()> {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
    let (kind, name) = (text("kind"), object["metadata"]["name"].as_str().unwrap_or_default());
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let namespace = match object["metadata"]["namespace"].as_str() {
        // The role for Secrets is applied in whatever namespace has sites.
        None if ["Role", "RoleBinding"].contains(&kind) => Some(fleet::NAMESPACE),
        namespace => namespace,
    };
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let params = PatchParams::apply("administrator").force();
    api.patch(name, &params, &Patch::Apply(object)).await.with_context(|| format!("{kind} {name}"))?;
    Ok(())
}

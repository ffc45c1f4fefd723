//! `node enroll` and `node revoke`: the identity with which a server's agent speaks to the cluster is written, and taken away,
//! with the rights of the person who says so.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use crm_api::CrmNode;
use crm_api::site::CrmSite;
use crm_process::private;
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use super::node_identity;
use super::read::{get, list};
use super::show::document;
use crate::arguments::Format;
use crate::arguments::node::{EnrollArguments, NodeCommand, RevokeArguments};
use crate::connection::refused;
use crate::words::{nearest, quoted};
use crate::{Connection, Exit, Failure, Streams};

/// Who wrote the identity, in managedFields.
const MANAGER: &str = "kubectl-crm";

/// Runs a command about a node.
///
/// # Errors
/// When the cluster refuses, no site names the node, or the file cannot be written.
pub async fn node(connection: &Connection, wanted: &NodeCommand, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    match wanted {
        NodeCommand::Enroll(wanted) => enroll(connection, wanted, streams).await,
        NodeCommand::Revoke(wanted) => revoke(connection, wanted, streams).await,
    }
}

async fn enroll(connection: &Connection, wanted: &EnrollArguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let (node, namespace) = (wanted.node.as_str(), connection.namespace.as_str());
    let sites = sites_naming(connection, node).await?;
    let account = crm_api::node_account(node);
    let known = get::<ServiceAccount>(connection, "read the node's ServiceAccount", &account).await?.is_some();
    if known && !wanted.renew {
        return Err(Failure::Refused(format!(
            "{node} is enrolled already; if its agent has lost its identity, give it a new bootstrap file with --renew; if the \
             server is another one now, revoke the old identity first: kubectl crm node revoke {node} -n {namespace}"
        )));
    }
    if !known && wanted.renew {
        return Err(Failure::Refused(format!("{node} was never enrolled; leave out --renew")));
    }
    let Some(server) = connection.server.clone() else {
        return Err(Failure::Cluster("the address of the API server is not known".to_owned()));
    };
    // Before anything is made: a token that nobody can write down would be one too many.
    let file = wanted.file.clone().map(NewFile::open).transpose()?;
    if get::<CrmNode>(connection, "read the node", node).await?.is_none() {
        let object = CrmNode::new(node, crm_api::node::CrmNodeSpec::default());
        let api: Api<CrmNode> = Api::namespaced(connection.client.clone(), namespace);
        api.create(&PostParams::default(), &object).await.map_err(|error| refused("create the CrmNode", &error))?;
    }
    for object in node_identity::objects(namespace, node) {
        write(connection, &object).await?;
    }
    let token = token(connection, &account, wanted).await?;
    let kubeconfig = node_identity::kubeconfig(&server, namespace, node, &token);
    let text = format!("{kubeconfig:#}\n");
    if let Some(file) = file {
        file.write(&text)?;
    }
    let minutes = wanted.valid_minutes;
    if wanted.output != Format::Text {
        let mut done =
            json!({"node": node, "namespace": namespace, "account": account, "sites": sites, "validMinutes": minutes});
        match &wanted.file {
            Some(file) => done["file"] = json!(file),
            None => done["kubeconfig"] = kubeconfig,
        }
        document(wanted.output, &done, streams.out)?;
        return Ok(Exit::Good);
    }
    let (what, then) = match &wanted.file {
        Some(file) => (file.display().to_string(), ", and delete it here"),
        None => {
            streams.out.write_all(text.as_bytes())?;
            ("this file".to_owned(), "")
        }
    };
    let sites = sites.join(", ");
    let done = format!(
        "{node} is enrolled for {sites}; {what} is good for {minutes} minutes, and once: bring it to the server, start its agent with \
         it (crm-agent --node {node} --kubeconfig FILE){then}"
    );
    writeln!(streams.err, "{done}")?;
    Ok(Exit::Good)
}

/// The sites of the namespace that have something on the server.
async fn sites_naming(connection: &Connection, node: &str) -> Result<Vec<String>, Failure> {
    let sites = list::<CrmSite>(connection, "list sites", Some(&connection.namespace)).await?;
    let nodes_of =
        |site: &CrmSite| site.spec.components.iter().flat_map(|placed| placed.nodes.clone()).collect::<Vec<String>>();
    let naming = sites.iter().filter(|site| nodes_of(site).iter().any(|name| name == node));
    let naming: Vec<String> = naming.filter_map(|site| site.metadata.name.clone()).collect();
    if !naming.is_empty() {
        return Ok(naming);
    }
    let all: Vec<String> = sites.iter().flat_map(nodes_of).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let near = nearest(node, &all).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Err(Failure::Refused(format!(
        "no CrmSite of namespace {} names the server {} in its components{near}; only servers of a site are enrolled: declare the \
         site first",
        connection.namespace,
        quoted(node)
    )))
}

async fn token(connection: &Connection, account: &str, wanted: &EnrollArguments) -> Result<String, Failure> {
    let api: Api<ServiceAccount> = Api::namespaced(connection.client.clone(), &connection.namespace);
    let bound_to = bootstrap(connection, &wanted.node).await?;
    let request = TokenRequest {
        spec: TokenRequestSpec {
            bound_object_ref: Some(bound_to),
            expiration_seconds: Some(i64::from(wanted.valid_minutes) * 60),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let answer = api.create_token_request(account, &PostParams::default(), &request).await;
    let answer = answer.map_err(|error| refused("ask for a token of the node", &error))?;
    answer.status.map(|status| status.token).ok_or_else(|| Failure::Cluster("the API server gave no token".to_owned()))
}

/// The object that the token is bound to, made anew: an earlier file that nobody has used ends with the earlier one.
async fn bootstrap(connection: &Connection, node: &str) -> Result<BoundObjectReference, Failure> {
    let object = node_identity::bootstrap(&connection.namespace, node);
    let name = crm_api::bootstrap_secret(node);
    let api = api(connection, &object);
    remove(&api, &name).await?;
    let object = serde_json::from_value(object).map_err(|error| Failure::Refused(error.to_string()))?;
    let made = api.create(&PostParams::default(), &object).await;
    let made = made.map_err(|error| refused("make the Secret that the bootstrap file is bound to", &error))?;
    Ok(BoundObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Secret".to_owned()),
        name: Some(name),
        uid: made.metadata.uid,
    })
}

/// Whether it was there.
async fn remove(api: &Api<DynamicObject>, name: &str) -> Result<bool, Failure> {
    match api.delete(name, &DeleteParams::default()).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(refused("take the node's identity away", &error)),
    }
}

async fn revoke(connection: &Connection, wanted: &RevokeArguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let (node, namespace) = (wanted.node.as_str(), connection.namespace.as_str());
    let mut removed = Vec::new();
    // The binding first: from then on a token that is still good may do nothing.
    let mut objects = node_identity::objects(namespace, node);
    objects.sort_by_key(|object| object["kind"] != "RoleBinding");
    for object in objects {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if remove(&api(connection, &object), name).await? {
            removed.push(format!("{} {name}", object["kind"].as_str().unwrap_or_default()));
        }
    }
    let left = node_identity::bootstrap(namespace, node);
    remove(&api(connection, &left), &crm_api::bootstrap_secret(node)).await?;
    if removed.is_empty() {
        return Err(Failure::Refused(format!("{node} is not enrolled in namespace {namespace}")));
    }
    if wanted.output != Format::Text {
        document(wanted.output, &json!({"node": node, "namespace": namespace, "removed": removed}), streams.out)?;
        return Ok(Exit::Good);
    }
    writeln!(
        streams.out,
        "{node} is revoked: whatever token it had may do nothing from now on; its CrmNode and its records stay"
    )?;
    Ok(Exit::Good)
}

async fn write(connection: &Connection, object: &Value) -> Result<(), Failure> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let params = PatchParams::apply(MANAGER).force();
    let written = api(connection, object).patch(name, &params, &Patch::Apply(object)).await;
    let kind = object["kind"].as_str().unwrap_or_default();
    written.map(|_| ()).map_err(|error| refused(&format!("write the node's {kind}"), &error))
}

fn api(connection: &Connection, object: &Value) -> Api<DynamicObject> {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, text("kind")));
    Api::namespaced_with(connection.client.clone(), &connection.namespace, &kind)
}

/// The bootstrap file while it is not written yet. Whoever reads it is the node: nobody but its owner does.
struct NewFile {
    path: PathBuf,
    file: Option<File>,
}

impl NewFile {
    fn open(path: PathBuf) -> Result<Self, Failure> {
        match private::create(&path) {
            Ok(file) => Ok(Self { path, file: Some(file) }),
            Err(error) => Err(Failure::Refused(format!("--file {}: {error}; name a new file", path.display()))),
        }
    }

    fn write(mut self, text: &str) -> Result<(), Failure> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| Failure::Refused(format!("--file {}: {error}; name a new file", self.path.display())))?;
        self.file = None;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // It was opened and nothing was written: an empty file would only be in the way of the next try.
        if self.file.take().is_some() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

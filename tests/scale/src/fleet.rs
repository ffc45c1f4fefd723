//! The sites of a fleet: one document, with a name of its own for each.

use anyhow::Context as _;
use crm_sandbox::file::ScenarioFile;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Namespace of all sites, as in the examples.
pub(crate) const NAMESPACE: &str = "crm";
/// Servers of each site.
pub(crate) const SERVERS: usize = 3;
/// The login to every database, in a Secret for each site.
pub(crate) const LOGIN: (&str, &str) = ("crm-operator", "made-up-for-the-measurement");
/// The version that a site is brought to.
pub(crate) const NEXT_VERSION: &str = "8.0 SR6";

const SITE: &str = include_str!("../site.yaml");
const CATALOGUE: (&str, &str) =
    ("../../examples/superoffice/catalogue.yaml", include_str!("../../../examples/superoffice/catalogue.yaml"));

/// Name of a site.
pub(crate) fn name(number: usize) -> String {
    format!("site-{number:04}")
}

/// The Secret with the login of a site.
pub(crate) fn secret(number: usize) -> String {
    format!("{}-sql", name(number))
}

/// The servers of a site.
pub(crate) fn servers(number: usize) -> [String; SERVERS] {
    ["app", "web", "cs"].map(|server| format!("{}-{server}", name(number)))
}

/// The site that a server is of.
pub(crate) fn site_of(server: &str) -> &str {
    server.rsplit_once('-').map_or(server, |(site, _)| site)
}

/// A site and its world, as they are now.
///
/// # Errors
/// When the document is broken.
pub(crate) fn site(number: usize, now: Timestamp) -> anyhow::Result<ScenarioFile> {
    let text = SITE.replace("contoso", &name(number)).replace("2026-11-28T19:00:00Z", &now.to_string());
    ScenarioFile::built_in(&text, &[CATALOGUE]).context("tests/scale/site.yaml")
}

/// The objects that an administrator brings for a site: its login, its servers, enrolled, and the site.
///
/// # Errors
/// When the document is broken.
pub(crate) fn objects(number: usize) -> anyhow::Result<Vec<Value>> {
    let site = site(number, Timestamp::UNIX_EPOCH)?.site;
    let mut objects = vec![json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret(number), "namespace": NAMESPACE},
        "stringData": {"username": LOGIN.0, "password": LOGIN.1, "servers": site.spec.database.server},
    })];
    for server in servers(number) {
        let metadata = json!({"name": server, "namespace": NAMESPACE});
        objects.push(json!({"apiVersion": crm_api::API_VERSION, "kind": "CrmNode", "metadata": metadata, "spec": {}}));
        objects.extend(kubectl_crm::cluster::node_identity::objects(NAMESPACE, &server));
    }
    objects.push(serde_json::to_value(site)?);
    Ok(objects)
}

/// The objects that are there once, besides definitions and rights.
///
/// # Errors
/// When the catalogue is broken.
pub(crate) fn common_objects() -> anyhow::Result<Vec<Value>> {
    let mut objects = vec![json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})];
    for release in site(0, Timestamp::UNIX_EPOCH)?.releases {
        objects.push(serde_json::to_value(release)?);
    }
    Ok(objects)
}

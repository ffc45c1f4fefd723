//! The stage: a cluster, a world, and the objects that are there before the story begins.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crm_api::clock::Clock as _;
use crm_database::Credentials;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Cue, GIT_OPS, Options, RunError, Sandbox};
use crate::clock::SimClock;
use crate::cluster::Cluster;
use crate::edge::{Lives, Points};
use crate::file::ScenarioFile;
use crate::receiver::Receiver;
use crate::witness::Witness;
use crate::world::World;

/// Namespace of the controller's lease.
pub(crate) const OPERATOR_NAMESPACE: &str = "crm-operator";
/// Who sets the stage.
pub(crate) const ADMINISTRATOR: &str = "administrator";
/// Everything that a run is played on.
pub(crate) struct Stage {
    pub(crate) file: Arc<ScenarioFile>,
    pub(crate) clock: SimClock,
    pub(crate) cluster: Cluster,
    pub(crate) world: World,
    pub(crate) witness: Witness,
    pub(crate) lives: Lives,
    pub(crate) points: Arc<Points>,
    pub(crate) receiver: Receiver,
    pub(crate) cues: UnboundedReceiver<Cue>,
    pub(crate) cue: UnboundedSender<Cue>,
    /// How long a leader may be silent, and how often it renews.
    pub(crate) lease: (Duration, Duration),
}

/// Longer than in a cluster: a run of hours renews often.
const LEASE: (Duration, Duration) = (Duration::from_secs(180), Duration::from_secs(60));

impl Stage {
    /// Sets it. Nobody acts on it yet.
    pub(crate) async fn set(sandbox: &Sandbox, options: &Options) -> Result<Self, RunError> {
        let file = Arc::clone(&sandbox.file);
        let clock = SimClock::starting_at(file.scenario.spec.start);
        let cluster = Cluster::new(clock.for_cluster(), Arc::clone(&sandbox.kinds));
        if let Some(referee) = &sandbox.referee {
            cluster.referee(Arc::clone(referee));
        }
        if let Some(upstream) = &sandbox.upstream {
            upstream.begins();
            cluster.answered_by(Arc::clone(upstream));
        }
        let world = World::new(&file.scenario, &file.site, &file.releases, login(&file), options.seed)?;
        for other in &file.others {
            world.add_site(&other.scenario, &other.site, &other.releases, login(other))?;
        }
        let (sender, cues) = unbounded_channel();
        let witness = Witness::new(&file, sender.clone(), move || clock.now());
        let lives = Lives::default();
        let leading = witness.clone();
        let leads = Arc::new(move |identity: &str| leading.is_leading(identity));
        let points = Arc::new(Points::new(options.kill, lives.clone(), sender.clone(), leads));
        cluster.intercept(Arc::new(lives.clone()));
        cluster.intercept(Arc::clone(&points) as Arc<dyn crate::cluster::Intercept>);
        cluster.observe(witness.of_cluster());
        world.on_event(witness.of_world());
        let receiver = Receiver::new(file.scenario.spec.webhook.clone(), witness.clone());
        let lease = options.lease.unwrap_or(LEASE);
        let stage = Self { file, clock, cluster, world, witness, lives, points, receiver, cues, cue: sender, lease };
        stage.create_objects().await?;
        Ok(stage)
    }

    async fn create_objects(&self) -> Result<(), RunError> {
        let file = &self.file;
        self.cluster.add_namespace(OPERATOR_NAMESPACE);
        self.cluster.add_namespace(file.namespace());
        let client = self.cluster.client(ADMINISTRATOR);
        for release in &file.objects.releases {
            create(&client, None, release).await?;
        }
        for secret in &file.objects.secrets {
            create(&client, Some(file.namespace()), secret).await?;
        }
        let mut made_up = BTreeSet::new();
        for other in file.each_managed().filter(|other| other.credentials().is_none()) {
            let name = &other.site.spec.database.credentials_ref.name;
            if !made_up.insert(name) {
                continue;
            }
            let (username, password) = other.login();
            let databases = file.each_managed().map(|one| &one.site.spec.database);
            let named = databases.filter(|database| database.credentials_ref.name == *name);
            let servers: BTreeSet<&str> = named.map(|database| database.server.as_str()).collect();
            let servers = Vec::from_iter(servers).join(" ");
            let secret = json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
                "stringData": {"username": username, "password": password, "servers": servers},
            });
            create(&client, Some(file.namespace()), &secret).await?;
        }
        for server in &file.scenario.spec.servers {
            let node = json!({
                "apiVersion": crm_api::API_VERSION, "kind": "CrmNode", "metadata": {"name": server.name}, "spec": {},
            });
            create(&client, Some(file.namespace()), &node).await?;
        }
        for site in file.each_managed().map(|file| &file.objects.site) {
            create(&self.cluster.client(GIT_OPS), Some(file.namespace()), site).await?;
        }
        // Whoever enrolls a node makes its sign of life: the agent may renew it and create none.
        for server in &file.scenario.spec.servers {
            let lease = json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": crm_api::heartbeat_lease(&server.name)},
            });
            create(&client, Some(file.namespace()), &lease).await?;
        }
        Ok(())
    }

    /// Applies what the scenario says that a person edits in Git.
    pub(crate) async fn edit_sites(&self) -> Result<(), RunError> {
        for file in self.file.each_managed().filter(|file| !file.scenario.spec.then.is_null()) {
            self.edit(file).await?;
        }
        Ok(())
    }

    async fn edit(&self, file: &ScenarioFile) -> Result<(), RunError> {
        let client = self.cluster.client(GIT_OPS);
        let api = api(&client, Some(file.namespace()), &file.objects.site);
        let patch = Patch::Merge(json!({"spec": file.scenario.spec.then}));
        let name = file.site_name();
        match api.patch(name, &PatchParams::default(), &patch).await {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(RunError::Refused { object: format!("CrmSite {name}, spec.then"), message: error.to_string() })
            }
        }
    }
}

fn login(file: &ScenarioFile) -> Credentials {
    let (username, password) = file.login();
    Credentials::new(username, password)
}

fn api(client: &Client, namespace: Option<&str>, object: &Value) -> Api<DynamicObject> {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, text("kind")));
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
        None => Api::all_with(client.clone(), &kind),
    }
}

async fn create(client: &Client, namespace: Option<&str>, object: &Value) -> Result<(), RunError> {
    let named =
        || format!("{} {}", object["kind"].as_str().unwrap_or("?"), object["metadata"]["name"].as_str().unwrap_or("?"));
    let refused = |message: String| RunError::Refused { object: named(), message };
    let typed: DynamicObject = serde_json::from_value(object.clone()).map_err(|error| refused(error.to_string()))?;
    match api(client, namespace, object).create(&PostParams::default(), &typed).await {
        Ok(_) => Ok(()),
        Err(error) => Err(refused(error.to_string())),
    }
}

//! Scripted people. They see and speak through the API only, each with an identity of their own, and use their hands on
//! the world as the instructions of a step or the remedy of a halt say. How long they take comes from the seed.

mod approver;
mod attendant;
mod finisher;
mod mailbox;
mod mover;
mod recoverer;

use std::fmt::Debug;
use std::time::Duration;

use crm_api::decision::{CrmDecisionSpec, Word};
use crm_api::{CrmChange, CrmDecision, CrmSite};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use serde::de::DeserializeOwned;

use crate::cluster::Cluster;
use crate::file::ScenarioFile;
use crate::world::World;
use mailbox::Mailbox;

/// People who do not hear anything look by themselves this often.
const LOOK_AGAIN: Duration = Duration::from_secs(10 * 60);
/// Longest reason that a decision takes, in characters.
const REASON_CHARS_MAX: usize = 1024;

/// What every person has.
struct Person {
    name: String,
    site: String,
    client: Client,
    namespace: String,
    dice: ChaCha8Rng,
    /// Decisions made so far.
    said: u32,
}

/// Starts everybody whom the scenario names.
pub(crate) fn start(
    file: &ScenarioFile,
    cluster: &Cluster,
    world: &World,
    seed: u64,
) -> Vec<tokio::task::JoinHandle<()>> {
    let people = &file.scenario.spec.people;
    let person = |name: &String| Person::new(name, file, cluster, seed);
    let approvers = people.approver.iter().map(|name| tokio::spawn(approver::live(person(name))));
    let attendants = people.attendant.iter().map(|name| tokio::spawn(attendant::live(person(name), world.clone())));
    let recoverers = people.recoverer.iter().map(|name| tokio::spawn(recoverer::live(person(name))));
    let finishers = people.finisher.iter().map(|name| tokio::spawn(finisher::live(person(name))));
    approvers.chain(attendants).chain(recoverers).chain(finishers).collect()
}

impl Person {
    fn new(name: &str, file: &ScenarioFile, cluster: &Cluster, seed: u64) -> Self {
        let own = name.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let client = cluster.client(name);
        Self {
            name: name.to_owned(),
            site: file.site_name().to_owned(),
            namespace: file.namespace().to_owned(),
            client,
            dice: ChaCha8Rng::seed_from_u64(own),
            said: 0,
        }
    }

    /// Takes their time: so many minutes at least and at most.
    async fn take_minutes(&mut self, least: u32, most: u32) {
        let span = most.saturating_sub(least).saturating_mul(60).saturating_add(1);
        let seconds = least.saturating_mul(60).saturating_add(self.dice.next_u32() % span);
        tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await;
    }

    fn mailbox(&self) -> Mailbox {
        Mailbox::new(&self.client, &self.namespace)
    }

    async fn get<K>(&self, name: &str) -> Option<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Debug,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), &self.namespace);
        api.get_opt(name).await.ok().flatten()
    }

    async fn site(&self) -> Option<CrmSite> {
        self.get(&self.site).await
    }

    /// The whole hash of a plan of which a text names the beginning.
    async fn plan_that_begins(&self, digits: &str) -> Option<String> {
        let api: Api<CrmChange> = Api::namespaced(self.client.clone(), &self.namespace);
        let changes = api.list(&ListParams::default()).await.ok()?;
        let mut hashes = changes.items.into_iter().map(|change| change.spec.plan_hash);
        hashes.find(|hash| hash.starts_with(digits))
    }

    /// The change that the site names, if it is not over.
    async fn open_change(&self) -> Option<CrmChange> {
        let name = self.site().await?.status?.change?;
        let change: CrmChange = self.get(&name).await?;
        let over = change.status.as_ref().is_some_and(|status| status.phase.is_over());
        (!over).then_some(change)
    }

    /// Says one word to the operator. The name of a decision is computed, so that saying it again finds it said.
    async fn say(&mut self, word: Word, plan_hash: &str, step: Option<&str>, reason: Option<String>) -> bool {
        let mut name = format!("{}-{}-{word:?}", self.site, self.name);
        if let Some(step) = step {
            name = format!("{name}-{}", step.split('@').next().unwrap_or(step));
        }
        name = format!("{name}-{}", self.said + 1).to_lowercase();
        let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        let name: String = name.chars().map(|letter| if allowed(letter) { letter } else { '-' }).collect();
        let spec = CrmDecisionSpec {
            site: Some(self.site.clone()),
            word,
            plan_hash: Some(plan_hash.to_owned()),
            step: step.map(str::to_owned),
            reason: reason.map(|reason| reason.chars().take(REASON_CHARS_MAX).collect()),
            expires_at: None,
            user: self.name.clone(),
        };
        let api: Api<CrmDecision> = Api::namespaced(self.client.clone(), &self.namespace);
        let said = match api.create(&PostParams::default(), &CrmDecision::new(&name, spec)).await {
            Ok(_) => true,
            Err(kube::Error::Api(status)) => status.is_already_exists(),
            Err(_) => false,
        };
        if said {
            self.said += 1;
        }
        said
    }
}

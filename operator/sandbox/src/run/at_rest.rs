//! A site at rest: what cluster and database show once it has settled, before anybody edits it. This is what
//! `kubectl crm plan` is given as files.

use crm_api::clock::Clock as _;
use crm_api::database::DatabaseFacts;
use crm_database::{Connect as _, Credentials, Target, facts};
use serde_json::Value;
use tokio::time::Instant;

use super::cast::Cast;
use super::judge::{Judges, Phase};
use super::play::JUDGE_AGAIN;
use super::stage::Stage;
use super::{Options, RunError, Sandbox};
use crate::plants::Planted;

/// What is there at rest.
#[derive(Clone, Debug)]
pub struct AtRest {
    /// The site, its nodes and their signs of life, as the API has them.
    pub objects: Vec<Value>,
    /// What the database answers at that moment.
    pub database: DatabaseFacts,
}

impl Sandbox {
    /// Lets the site settle and looks at it.
    ///
    /// # Errors
    /// When the run cannot begin, or the site does not settle.
    pub fn at_rest(&self, seed: u64) -> Result<AtRest, RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let seen = runtime.block_on(settle(self, &Options { seed, ..Options::default() }));
        runtime.shutdown_background();
        seen
    }
}

async fn settle(sandbox: &Sandbox, options: &Options) -> Result<AtRest, RunError> {
    let stage = Stage::set(sandbox, options).await?;
    let mut cast = Cast::new(Planted::new(&options.plants, &stage.file));
    stage.world.start();
    cast.start_everybody(&stage);
    let judge = Judges::new(&stage, options.people);
    loop {
        match judge.look(&stage) {
            Phase::Settled => break,
            // What somebody does by hand later is not at rest.
            Phase::HandsAct => break,
            Phase::Settling | Phase::Changing => {}
            Phase::Over(outcomes) => return Err(unsettled(&stage, format!("{outcomes:?}"))),
        }
        let next = Instant::now() + JUDGE_AGAIN;
        tokio::select! {
            biased;
            () = stage.witness.stirred() => {}
            () = tokio::time::sleep_until(cast.next_due().map_or(next, |due| due.min(next))) => cast.do_due(&stage),
        }
    }
    look(&stage).await
}

async fn look(stage: &Stage) -> Result<AtRest, RunError> {
    let signs: Vec<String> =
        stage.file.scenario.spec.servers.iter().map(|server| crm_api::heartbeat_lease(&server.name)).collect();
    let is_sign = |lease: &Value| signs.iter().any(|sign| lease["metadata"]["name"] == sign.as_str());
    let objects = ["CrmSite", "CrmNode", "Lease"]
        .iter()
        .flat_map(|kind| stage.cluster.list(kind))
        .map(|object| (*object).clone())
        .filter(|object| object["kind"] != "Lease" || is_sign(object))
        .collect();
    let spec = &stage.file.site.spec;
    let (username, password) = stage.file.login();
    let target = Target { server: spec.database.server.clone(), database: spec.database.name.clone() };
    let unread = |error: crm_database::DatabaseError| unsettled(stage, error.to_string());
    let sql = stage.world.sql().connect(target, Credentials::new(username, password)).await.map_err(unread)?;
    let database = facts::read(&sql, spec, stage.clock.now()).await.map_err(unread)?;
    Ok(AtRest { objects, database })
}

fn unsettled(stage: &Stage, message: String) -> RunError {
    RunError::Refused { object: format!("CrmSite {} does not settle", stage.file.site_name()), message }
}

//! The round that looks and reports: what is stored, when, and what is not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crm_api::clock::Clock;
use crm_api::node::CrmNodeStatus;
use crm_api::order::{OrderPhase, Outcome};
use crm_api::pace::Pace;
use crm_api::probe::{Answer, Probe};
use jiff::Timestamp;
use tokio::sync::watch;

use super::world::World;
use super::{change, me, set_up, spec_of};
use crate::Nobody;
use crate::owner::Me;
use crate::round::{About, Eye, OBSERVE_AT_REST, OBSERVE_UNDER_ORDER, Store};
use crate::spec::Spec;
use crate::turn::{Progress, carry_out_orders};

type Object = watch::Sender<Option<Arc<Spec>>>;

/// Keeps every write; refuses the first ones if told to.
#[derive(Clone, Default)]
struct Kept {
    statuses: Arc<Mutex<Vec<CrmNodeStatus>>>,
    renewals: Arc<Mutex<Vec<(Timestamp, Duration)>>>,
    refusals: Arc<Mutex<VecDeque<&'static str>>>,
    /// The node's object, to which the watch leads back.
    object: Arc<Mutex<Option<Object>>>,
}

impl Store for Kept {
    type Error = &'static str;

    async fn store(&self, status: &CrmNodeStatus) -> Result<(), &'static str> {
        if let Some(refusal) = self.refusals.lock().unwrap().pop_front() {
            return Err(refusal);
        }
        self.statuses.lock().unwrap().push(status.clone());
        if let Some(object) = &*self.object.lock().unwrap() {
            object.send_if_modified(|spec| {
                let known = spec.as_deref().cloned().unwrap_or_default();
                let owner_is_new = known.status.machine != status.machine;
                *spec = Some(Arc::new(Spec { status: status.clone(), ..known }));
                owner_is_new
            });
        }
        Ok(())
    }

    async fn renew(&self, at: Timestamp, duration: Duration) -> Result<(), &'static str> {
        self.renewals.lock().unwrap().push((at, duration));
        Ok(())
    }
}

fn about(me: Me) -> About {
    About { version: "1.0".to_owned(), me, watcher: Arc::new(Nobody) }
}

async fn live(world: &Arc<World>, spec: Arc<Spec>, kept: &Kept, time: Duration) {
    let (spec_sender, spec) = watch::channel(Some(spec));
    *kept.object.lock().unwrap() = Some(spec_sender);
    let (sender, progress) = watch::channel(Progress::Unknown);
    let eye = Eye::new(world.clone(), world.clone(), kept.clone(), about(me(world)), Pace::default());
    let agent = futures::future::join(
        carry_out_orders(world.clone(), world.clone(), me(world), spec.clone(), sender),
        eye.look_and_report(spec, progress),
    );
    assert!(tokio::time::timeout(time, agent).await.is_err());
}

fn at_rest() -> Spec {
    let probes = vec![Probe::Program { name: "Server".to_owned() }];
    Spec { uid: Some("uid".to_owned()), generation: 4, probes, ..Spec::default() }
}

#[tokio::test(start_paused = true)]
async fn at_rest_one_status_is_written_and_only_the_sign_of_life_goes_on() {
    let (world, kept) = (World::new(set_up), Kept::default());
    live(&world, Arc::new(at_rest()), &kept, OBSERVE_AT_REST * 10 + Duration::from_secs(1)).await;
    let statuses = kept.statuses.lock().unwrap();
    assert_eq!(statuses.len(), 1);
    assert_eq!((statuses[0].observed_generation, statuses[0].order_format), (4, 1));
    let renewals = kept.renewals.lock().unwrap();
    assert_eq!(renewals.len(), 11);
    assert!(renewals.iter().all(|(_, duration)| *duration == OBSERVE_AT_REST * 3));
}

#[tokio::test(start_paused = true)]
async fn an_attentive_agent_looks_often() {
    let (world, kept) = (World::new(set_up), Kept::default());
    live(
        &world,
        Arc::new(Spec { attentive: true, ..at_rest() }),
        &kept,
        OBSERVE_UNDER_ORDER * 4 - Duration::from_secs(1),
    )
    .await;
    assert_eq!(kept.renewals.lock().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_ended_result_is_stored_together_with_what_was_seen_after_it() {
    let (world, kept) = (World::new(set_up), Kept::default());
    let mut spec = Spec::clone(&spec_of(change(&world)[1..2].to_vec()));
    spec.probes = at_rest().probes;
    live(&world, Arc::new(spec), &kept, Duration::from_secs(300)).await;
    let statuses = kept.statuses.lock().unwrap();
    assert_eq!(statuses[0].results[0].phase, OrderPhase::Running);
    for status in statuses.iter() {
        let ended = status.results.first().is_some_and(|result| result.outcome == Some(Outcome::Done));
        let version = if ended { "8" } else { "7" };
        assert!(matches!(&status.observations[0].answer, Answer::Program { version: seen, .. } if seen == version));
    }
    let last = statuses.last().unwrap();
    assert_eq!(last.highest_epoch, 3);
    assert!(kept.renewals.lock().unwrap().last().unwrap().0 >= last.results[0].ended_at.clone().unwrap().0);
}

#[tokio::test(start_paused = true)]
async fn no_sign_of_life_before_the_answers_are_stored() {
    let (world, kept) = (World::new(set_up), Kept::default());
    kept.refusals.lock().unwrap().extend(["503", "503"]);
    let began = world.now();
    live(&world, Arc::new(at_rest()), &kept, Duration::from_secs(7)).await;
    assert!(kept.renewals.lock().unwrap().is_empty());
    live(&world, Arc::new(at_rest()), &kept, Duration::from_secs(7)).await;
    assert_eq!(kept.statuses.lock().unwrap().len(), 1);
    assert!(kept.renewals.lock().unwrap()[0].0 >= began);
}

#[tokio::test(start_paused = true)]
async fn a_restarted_agent_keeps_the_times_of_unchanged_answers_and_writes_nothing() {
    let (world, kept) = (World::new(set_up), Kept::default());
    live(&world, Arc::new(at_rest()), &kept, Duration::from_secs(1)).await;
    let status = kept.statuses.lock().unwrap()[0].clone();
    tokio::time::sleep(Duration::from_secs(1000)).await;
    live(&world, Arc::new(Spec { status, ..at_rest() }), &kept, Duration::from_secs(1)).await;
    assert_eq!(kept.statuses.lock().unwrap().len(), 1);
    assert_eq!(kept.renewals.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_machine_reports_and_then_carries_out_orders_and_a_copy_does_neither() {
    let (world, kept) = (World::new(set_up), Kept::default());
    let nobodys = Spec { status: CrmNodeStatus::default(), ..Spec::clone(&spec_of(change(&world)[1..2].to_vec())) };
    live(&world, Arc::new(nobodys), &kept, Duration::from_secs(300)).await;
    let status = kept.statuses.lock().unwrap().last().unwrap().clone();
    assert_eq!((status.machine.as_str(), status.results[0].outcome), ("first", Some(Outcome::Done)));

    let (copy, copied) = (World::new(set_up), Kept::default());
    copy.look().machine_id = "a copy";
    let spec = Spec { status, ..Spec::clone(&spec_of(change(&copy))) };
    live(&copy, Arc::new(spec), &copied, Duration::from_secs(300)).await;
    assert!(copied.statuses.lock().unwrap().is_empty() && copied.renewals.lock().unwrap().is_empty());
    assert!(copy.look().starts.is_empty() && copy.look().journal.is_none());
}

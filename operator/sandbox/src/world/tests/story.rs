//! The main story by hand: what users feel, what the history shows, and that it is the same every time.

use std::sync::{Arc, Mutex};

use crm_agent::host::Host;
use crm_api::probe::{RunState, StartType};
use jiff::SignedDuration;

use super::{APP, CONFIG, CS, NEW, SCHEDULER, host, minutes, up_to_upgrade, upgrade, world};
use crate::world::{Change, Happening, World};

pub(super) async fn whole_story(world: &World) {
    minutes(180).await;
    up_to_upgrade(world).await;
    let (app, cs) = (host(world, APP), host(world, CS));
    upgrade(&cs, &["-noconfirm", "-d", "crm.contoso.example"], &["SuperOffice Service", "yes", "no"]).await;
    cs.set_pool_state("SuperOffice Service", RunState::Running).await.unwrap();
    app.set_service_state("SuperOfficeSoBatchServer", RunState::Running).await.unwrap();
    assert!(world.flush_caches("contoso", CS));
    let config = cs.read_text(CONFIG).await.unwrap().replace("\nfrozen", "\n# frozen");
    cs.replace_text(CONFIG, config).await.unwrap();
    cs.set_service_start(SCHEDULER, StartType::Automatic).await.unwrap();
    cs.set_service_state(SCHEDULER, RunState::Running).await.unwrap();
    minutes(10).await;
}

#[tokio::test(start_paused = true)]
async fn a_good_change_ends_at_one_release_with_everybody_back() {
    let world = world();
    whole_story(&world).await;
    for row in world.versions() {
        assert_eq!(row.version.as_deref(), Some(NEW), "{row:?}");
    }
    assert_eq!(world.users_at_work(), ["kari", "ola"]);
    let downtime = world.user_visible_downtime();
    assert!(downtime > SignedDuration::from_mins(40) && downtime < SignedDuration::from_mins(120), "{downtime:?}");
    assert!(world.first_user_out() < world.last_user_back());
    assert_eq!(super::count(&world, |what| matches!(what, Happening::WrongSchemaTouched { .. })), 0);
    let facts = world.digest_facts();
    assert_eq!(facts["caches flushed since upgrade.exe @contoso-cs"], "true");
    assert_eq!(host(&world, CS).get_url("http://crm.contoso.example/scripts/rms.fcgi").await, Ok(200));
}

#[tokio::test(start_paused = true)]
async fn nobody_writes_between_backup_and_schema_change_once_writers_are_stopped() {
    let world = world();
    whole_story(&world).await;
    let history = world.history();
    let place = |is: fn(&Happening) -> bool| history.iter().position(|event| is(&event.what)).unwrap();
    let begun = place(|what| matches!(what, Happening::BackupStarted { sessions, .. } if sessions.is_empty()));
    let schema = place(|what| matches!(what, Happening::Effect { change: Change::SchemaPart { part: 1, .. }, .. }));
    let writes = history[begun..schema].iter().filter(|event| matches!(event.what, Happening::DatabaseWrite { .. }));
    assert_eq!(writes.count(), 0);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let history = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = world();
            let seen = Arc::new(Mutex::new(Vec::new()));
            let sink = Arc::clone(&seen);
            world.on_event(Arc::new(move |event| sink.lock().unwrap().push(event.clone())));
            whole_story(&world).await;
            let seen = seen.lock().unwrap().clone();
            assert_eq!(seen, world.history(), "an observer hears everything, in order");
            seen
        })
    };
    assert_eq!(history(), history());
}

#[tokio::test(start_paused = true)]
async fn a_windows_client_is_closed_some_minutes_after_its_user_was_told() {
    let mut scenario = super::scenario();
    let user = |name: &str, minutes: u32| crate::world::scenario::User {
        name: name.to_owned(),
        client: crate::world::scenario::Client::Win,
        leaves_after_minutes: minutes,
    };
    scenario.spec.users.push(user("per", 20));
    let world = super::world_of(&scenario);
    let connected = || world.with(|state| state.sessions().iter().any(|(host, _, _)| host == "PC-PER"));
    world.tell_users("contoso");
    minutes(15).await;
    assert!(connected());
    minutes(10).await;
    assert!(!connected());
    assert_eq!(world.report_users_out(), ["kari", "ola"]);
}

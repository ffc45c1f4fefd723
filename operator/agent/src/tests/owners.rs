//! One machine per node: a copy does nothing, and the first one waits until its node says so.

use super::*;

fn with_status(spec: &Arc<Spec>, machine: &str, account: &str) -> Arc<Spec> {
    let status = CrmNodeStatus { machine: machine.to_owned(), account: account.to_owned(), ..spec.status.clone() };
    Arc::new(Spec { status, ..Spec::clone(spec) })
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_on_a_machine_that_the_node_does_not_name() {
    for (machine, account) in [("another", ""), ("", ""), (MACHINE, "another account")] {
        let world = World::new(set_up);
        let before = state(&world);
        let spec = with_status(&spec_of(change(&world)), machine, account);
        let results = live(&world, &spec).await.unwrap();
        assert_eq!(results, Vec::new(), "{machine} {account}");
        assert_eq!(state(&world), before, "{machine} {account}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_was_made_in_mid_order_does_not_go_on_with_it() {
    let world = World::new(set_up);
    let spec = spec_of(change(&world)[1..2].to_vec());
    // The copy is made while the installer is about to be started.
    world.crash_at(4, false);
    assert!(live(&world, &spec).await.is_none());
    world.no_crash();
    let journal = world.look().journal.clone();
    assert!(journal.as_deref().is_some_and(|text| text.contains("\"end\": null")), "{journal:?}");
    world.look().machine_id = "a copy";
    for seen in [Some(Arc::clone(&spec)), None] {
        let starts = world.look().starts.clone();
        let (_sender, receiver) = watch::channel(seen);
        let (sender, _progress) = watch::channel(Progress::Unknown);
        let agent = carry_out_orders(world.clone(), world.clone(), me(&world), receiver, sender);
        assert!(tokio::time::timeout(LONG, agent).await.is_err());
        let inner = world.look();
        assert_eq!((&inner.starts, &inner.journal), (&starts, &journal));
    }
    // The first machine goes on, also before it has read its node.
    world.look().machine_id = MACHINE;
    let (_sender, receiver) = watch::channel(None);
    let (sender, progress) = watch::channel(Progress::Unknown);
    let agent = carry_out_orders(world.clone(), world.clone(), me(&world), receiver, sender);
    assert!(tokio::time::timeout(LONG, agent).await.is_err());
    let results = report::results(&spec.wish, &progress.borrow(), world.now());
    assert_eq!(results[0].outcome, Some(Outcome::Done), "{results:#?}");
}

#[test]
fn who_it_is_stands_in_the_status() {
    let about = crate::round::About {
        version: "1".to_owned(),
        me: Me { machine: "m".to_owned(), account: "a".to_owned() },
        watcher: Arc::new(crate::Nobody),
    };
    let seen = report::Seen { of: (None, 1), at: jiff::Timestamp::UNIX_EPOCH, observations: Vec::new() };
    let status = report::compose(&about, &seen, &Wish::default(), Vec::new(), &Progress::Unknown);
    assert_eq!((status.machine.as_str(), status.account.as_str()), ("m", "a"));
}

#[test]
fn a_damaged_journal_takes_no_epoch_back() {
    let world = World::new(set_up);
    let spec = spec_of(change(&world)[..1].to_vec());
    let progress = Progress::Damaged { reason: "torn".to_owned(), at: world.now() };
    assert_eq!(report::results(&spec.wish, &progress, world.now())[0].epoch, 3);
}

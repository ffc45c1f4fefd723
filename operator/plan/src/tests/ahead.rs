//! A record that is behind its database: nothing follows from it.

use crm_api::change::ChangePhase;
use crm_api::database::superoffice;

use super::fixture::Site;
use crate::intent::Intent;

const NEW: &str = "8.0.6465";

/// By the record, users are out and the database is being backed up.
fn backing_up() -> Site {
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    site.turn();
    site.run_to("back-up-database");
    assert!(site.status().closed_at.is_some());
    site
}

fn orders_or_tasks(intents: &[Intent]) -> usize {
    let is_work = |intent: &&Intent| match intent {
        Intent::InstructNode { spec, .. } => !spec.orders.is_empty(),
        Intent::RunTask { .. } => true,
        _ => false,
    };
    intents.iter().filter(is_work).count()
}

#[test]
fn no_step_and_no_way_back_is_begun_while_the_database_shows_what_no_recorded_step_has_done() {
    let mut site = backing_up();
    assert!(orders_or_tasks(&site.plan().intents) > 0, "the backup is at work");
    for fact in [superoffice::DATABASE_VERSION, superoffice::SERVER_SETUP_VERSION, superoffice::SERVICE_VERSION] {
        site.fact(fact, Some(NEW));
    }
    for _ in 0..60 {
        let plan = site.turn();
        assert_eq!(orders_or_tasks(&plan.intents), 0);
        site.wait(5);
    }
    let status = site.status();
    assert_eq!(status.phase, ChangePhase::Halted);
    assert!(status.backing_out.is_none() && status.opened_at.is_none());
    // As soon as the database shows what is recorded, it goes on.
    for fact in [superoffice::DATABASE_VERSION, superoffice::SERVER_SETUP_VERSION, superoffice::SERVICE_VERSION] {
        site.fact(fact, Some("7.5.5885"));
    }
    site.turn();
    assert_ne!(site.status().phase, ChangePhase::Halted);
}

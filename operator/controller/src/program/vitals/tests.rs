use super::{LEASE_LIMIT, ROUND_LIMIT, Vitals};
use crate::signs::{Outcome, Sign, Watcher as _};
use crate::watches;
use crm_api::change::ChangePhase;
use crm_process::endpoints::Vitals as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use std::time::{Duration, Instant};

const SITE: (&str, &str) = ("crm", "contoso");

fn vitals() -> Vitals {
    Vitals::new("0.0.0", Duration::from_secs(15)).0
}

fn condition(kind: &str, status: &str) -> Condition {
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: "Canary-reason".to_owned(),
        message: "canary-message".to_owned(),
        observed_generation: None,
        last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
    }
}

fn watch_all(vitals: &Vitals) {
    for kind in watches::kinds() {
        vitals.saw(Sign::Watching { kind });
    }
}

#[test]
fn it_is_ready_while_it_follows_or_leads_with_all_its_watches() {
    let vitals = vitals();
    assert!(vitals.ready().unwrap_err().contains("not read yet"));
    vitals.saw(Sign::Following);
    assert_eq!(vitals.ready(), Ok(()));
    vitals.saw(Sign::LeaseFailed);
    assert!(vitals.ready().unwrap_err().contains("API server"));
    vitals.saw(Sign::Leading { epoch: 3 });
    assert!(vitals.ready().unwrap_err().contains("CrmSite"), "no watch is open yet");
    watch_all(&vitals);
    assert_eq!(vitals.ready(), Ok(()));
    vitals.saw(Sign::WatchFailed { kind: "CrmNode" });
    assert_eq!(vitals.ready(), Err("there is no watch on CrmNode".to_owned()));
    vitals.saw(Sign::Watching { kind: "CrmNode" });
    vitals.saw(Sign::Deposed);
    assert!(vitals.ready().is_err(), "until the lease is read again");
    vitals.saw(Sign::Leading { epoch: 4 });
    assert!(vitals.ready().is_err(), "watches of the last term count for nothing");
}

#[test]
fn it_is_dead_when_loop_lease_or_round_stand_still() {
    let later = |limit: Duration| Instant::now() + limit + Duration::from_secs(60);
    let vitals = vitals();
    assert_eq!(vitals.alive(), Ok(()), "at the start nothing has stood still yet");
    assert!(vitals.alive_at(later(Duration::from_secs(30))).unwrap_err().contains("blocked"));
    let beating = |at: Instant| {
        vitals.beat.at(at);
        vitals.alive_at(at)
    };
    assert!(beating(later(LEASE_LIMIT)).unwrap_err().contains("lease"));
    vitals.saw(Sign::RoundBegan { site: SITE });
    let then = later(ROUND_LIMIT);
    vitals.seen().lease_at = then;
    assert!(beating(then).unwrap_err().contains("crm/contoso"));
    vitals.saw(Sign::RoundEnded { site: SITE, outcome: Outcome::Done, took: Duration::ZERO });
    assert_eq!(beating(then), Ok(()));
}

#[test]
fn metrics_count_what_was_seen() {
    let vitals = vitals();
    vitals.saw(Sign::Leading { epoch: 7 });
    vitals.saw(Sign::Queue { waiting: 2, running: 1 });
    vitals.saw(Sign::RoundEnded { site: SITE, outcome: Outcome::Done, took: Duration::from_millis(30) });
    vitals.saw(Sign::Ordered { orders: 3 });
    let conditions = [condition("Ready", "True"), condition("Drifted", "False"), condition("WindowsClients", "True")];
    vitals.saw(Sign::Site { site: SITE, conditions: &conditions, phases: &[ChangePhase::Halted] });
    let text = vitals.metrics();
    for line in [
        "crm_operator_build_info{version=\"0.0.0\"} 1",
        "crm_operator_leader 1",
        "crm_operator_epoch 7",
        "crm_operator_queue_sites{state=\"waiting\"} 2",
        "crm_operator_reconcile_rounds_total{outcome=\"done\"} 1",
        "crm_operator_reconcile_rounds_total{outcome=\"broken\"} 0",
        "crm_operator_reconcile_seconds_count 1",
        "crm_operator_orders_given_total 3",
        "crm_operator_sites 1",
        "crm_operator_site_conditions{condition=\"Ready\",status=\"True\"} 1",
        "crm_operator_site_conditions{condition=\"Debt\",status=\"True\"} 1",
        "crm_operator_changes{phase=\"Halted\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    vitals.saw(Sign::RoundEnded { site: SITE, outcome: Outcome::Gone, took: Duration::ZERO });
    assert!(vitals.metrics().contains("crm_operator_sites 0\n"));
    vitals.saw(Sign::Deposed);
    let text = vitals.metrics();
    assert!(
        text.contains("crm_operator_leader 0\n") && text.contains("crm_operator_last_success_age_seconds 0"),
        "{text}"
    );
}

#[test]
fn no_word_that_a_person_or_a_secret_has_given_becomes_a_label() {
    let vitals = vitals();
    let conditions = [condition("canary-kind", "True"), condition("Ready", "canary-status")];
    let site = ("canary-namespace", "canary-site");
    vitals.saw(Sign::RoundBegan { site });
    vitals.saw(Sign::Site { site, conditions: &conditions, phases: &[] });
    vitals.saw(Sign::RoundEnded { site, outcome: Outcome::Blocked, took: Duration::ZERO });
    assert!(!vitals.metrics().to_lowercase().contains("canary"));
}

#[test]
fn every_metric_of_the_text_is_described_and_the_other_way_round() {
    let vitals = vitals();
    vitals.saw(Sign::RoundEnded { site: SITE, outcome: Outcome::Done, took: Duration::ZERO });
    let text = vitals.metrics();
    for described in vitals.metrics.described().iter().filter(|metric| !metric.name.ends_with("api_requests_total")) {
        assert!(text.contains(&described.name), "{} is not in\n{text}", described.name);
    }
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    for name in lines.filter_map(|line| line.split(['{', ' ']).next()) {
        let known = vitals.metrics.described().iter().any(|described| name.starts_with(described.name.as_str()));
        assert!(known, "{name} is not described");
    }
}

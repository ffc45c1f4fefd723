//! Reading a node's object leniently, and keeping its status inside its bound.

use std::collections::BTreeMap;

use crm_api::node::{CrmNodeStatus, STATUS_BYTES_MAX};
use crm_api::probe::{Answer, Machine, Observation, Probe};
use crm_plan::carry_out::{Wanted, whole_seconds};
use jiff::Timestamp;
use serde_json::json;

use crate::limits::{clip_answer, fit};
use crate::spec::Spec;

#[test]
fn one_order_or_probe_of_a_newer_language_spoils_only_itself() {
    let order = |id: &str, action: serde_json::Value| {
        json!({
            "id": id, "attempt": 2, "format": 1, "planHash": "h", "epoch": 7, "startBefore": "2026-01-01T00:00:00Z",
            "timeLimitSeconds": 60, "actions": [action],
            "doneWhen": [{"probe": {"service": {"name": "Web"}}, "expected": {"present": {}}}],
        })
    };
    let object = json!({
        "spec": {
            "asked": [
                {"site": "a", "attentive": true, "probes": [{"phaseOfMoon": {}}, {"service": {"name": "Web"}}]},
                {"site": "b", "probes": [{"machine": {}}, {"service": {"name": "Web"}}]},
            ],
            "orders": [order("new", json!({"formatDisk": {}})), order("old", json!({"stopService": {"name": "Web"}})), {}],
        },
        "status": {"highestEpoch": 6},
    });
    let spec = Spec::read(Some("uid".to_owned()), 3, &object);
    assert!(spec.attentive);
    assert_eq!(spec.probes, [Probe::Machine {}, Probe::Service { name: "Web".to_owned() }]);
    assert_eq!((spec.wish.reported_epoch, spec.wish.orders.len()), (6, 2));
    assert!(matches!(&spec.wish.orders[0], Wanted::Unreadable { id, attempt: 2, epoch: 7, .. } if id == "new"));
    assert!(matches!(&spec.wish.orders[1], Wanted::Order(order) if order.id == "old"));
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("name {index:04} {}", "x".repeat(40))).collect()
}

fn observation(index: usize, answer: Answer) -> Observation {
    Observation { id: format!("probe {index:03}"), answer, since: whole_seconds(Timestamp::UNIX_EPOCH) }
}

#[test]
fn long_answers_are_cut_and_say_so() {
    let Answer::Names { names: cut } = clip_answer(Answer::Names { names: names(100) }) else { panic!("names") };
    assert_eq!((cut.len(), cut[63].as_str()), (64, "(and 37 more)"));
    let subkeys = names(70).into_iter().map(|name| (name, BTreeMap::new())).collect();
    let Answer::Subkeys { subkeys } = clip_answer(Answer::Subkeys { subkeys }) else { panic!("sub-keys") };
    assert!(subkeys.len() == 64 && subkeys.contains_key("(and 7 more)"));
    let machine = Machine { hotfixes: names(300), windows: "w".repeat(200), ..Machine::default() };
    let Answer::Machine(machine) = clip_answer(Answer::Machine(machine)) else { panic!("machine") };
    assert_eq!((machine.hotfixes.len(), machine.windows.len()), (256, 128));
}

#[test]
fn a_status_fits_whatever_the_machine_says() {
    let big = |index| match index % 4 {
        0 => Answer::Names { names: names(64) },
        1 => Answer::Value { value: "v".repeat(1024) },
        2 => Answer::Flag { set: true },
        _ => Answer::Machine(Machine { hotfixes: names(256), ..Machine::default() }),
    };
    for count in [1, 2, 10, 40, 128] {
        let observations = (0..count).map(|index| observation(index, big(index))).collect();
        let status = fit(CrmNodeStatus { observations, ..CrmNodeStatus::default() });
        let bytes = serde_json::to_vec(&status).unwrap().len();
        assert!(bytes <= STATUS_BYTES_MAX, "{count}: {bytes}");
        assert_eq!(status, fit(status.clone()), "cut the same way again");
        assert!(count > 40 || status.observations.len() == count);
    }
}

#[test]
fn a_cut_list_that_is_cut_again_counts_everything() {
    let observations =
        (0..8).map(|index| observation(index, clip_answer(Answer::Names { names: names(100) }))).collect();
    let status = fit(CrmNodeStatus { observations, ..CrmNodeStatus::default() });
    let Answer::Names { names } = &status.observations[0].answer else { panic!("names") };
    assert_eq!(names.last().map(String::as_str), Some("(and 69 more)"));
}

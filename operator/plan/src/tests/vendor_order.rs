//! The vendor's ordering rules, 1 to 28, as the guides state them and not as the planner's own table does: a place in the
//! order of steps, or a fact without which there must be no plan.

use std::collections::BTreeSet;

use crm_api::change::{CrmChangeSpec, Purpose};

/// What changes the schema.
const SCHEMA: &[&str] = &["upgrade-database"];
/// What brings new programs of any other component.
const COMPONENTS: &[&str] = &[
    "upgrade-web",
    "install-web",
    "move-web",
    "upgrade-netserver",
    "install-netserver",
    "upgrade-service",
    "install-service",
    "move-service",
    "set-up-service",
    "run-upgrade-exe",
    "publish-clients",
];
const SERVICE_FILES: &[&str] = &["upgrade-service", "install-service", "move-service"];
const WEB: &[&str] = &["upgrade-web", "install-web", "move-web"];
/// What users feel first.
const CLOSING: &[&str] = &["stop-scheduler", "freeze", "stop-writers", "prove-alone"];
const BACKUP: &[&str] = &["back-up-database", "back-up-files", "record-backup", "verify-backup"];
const OPENING: &[&str] = &["unfreeze", "start-writers", "start-scheduler"];
/// What may come after the proof of the site: nobody waits for it.
const AFTERWARDS: &[&str] = &["generate-satellites", "redirect-phones", "remove-netserver", "verify-site"];

/// Rules that are places: all of the first before any of the second.
const PLACES: &[(u8, &[&str], &[&str])] = &[
    (2, &["preflight"], CLOSING),
    (4, &["fetch-media", "preflight"], SCHEMA),
    (4, &["fetch-media", "preflight"], COMPONENTS),
    (7, &["stop-scheduler"], &["freeze"]),
    (7, &["stop-scheduler"], &["back-up-database", "back-up-files"]),
    (8, &["freeze"], SCHEMA),
    (8, &["run-upgrade-exe", "verify-versions", "flush-caches"], &["unfreeze"]),
    (9, &["stop-writers", "prove-alone"], SCHEMA),
    (10, BACKUP, SCHEMA),
    (11, SCHEMA, COMPONENTS),
    (13, &["upgrade-netserver", "install-netserver", "start-netserver", "reach-netserver"], &["run-upgrade-exe"]),
    (13, &["reach-netserver"], &["point-to-netserver"]),
    (15, WEB, &["set-base-url"]),
    (15, &["set-base-url"], &["start-service-pool", "unfreeze"]),
    (16, SERVICE_FILES, &["run-upgrade-exe"]),
    (16, &["run-upgrade-exe"], &["unfreeze"]),
    (18, &["prove-mailbox"], CLOSING),
    (18, &["start-netserver", "reach-netserver"], &["set-up-service"]),
    (19, &["stop-old", "stop-second-scheduler"], &["start-scheduler"]),
    (20, SERVICE_FILES, &["link-fastcgi"]),
    (20, &["run-upgrade-exe", "start-service-pool"], &["link-fastcgi"]),
    (21, &["list-attachments", "back-up-attachments"], &["run-upgrade-exe"]),
    (22, &["run-upgrade-exe"], &["flush-caches"]),
    (22, &["flush-caches"], OPENING),
    (23, &["verify-site"], &["generate-satellites"]),
    (24, &["verify-site"], &["redirect-phones"]),
    (26, SCHEMA, &["publish-clients"]),
    (27, COMPONENTS, OPENING),
    (28, &["verify-versions"], &["unfreeze"]),
];
/// Rules that are held by [`counts`] and [`stops`].
const COUNTED: [u8; 3] = [1, 12, 18];
/// Rules that are facts: without them there is no plan. `random_sites` holds them, and `one_host` the 17th, which only a
/// site that comes behind a reverse proxy meets.
const FACTS: [u8; 6] = [3, 5, 6, 14, 17, 25];

fn kind(id: &str) -> &str {
    id.split('@').next().unwrap_or_default()
}

/// Whether an order of steps, planned or carried out, is one that the vendor allows.
///
/// # Errors
/// With the rule that it breaks.
pub(super) fn places(ids: &[&str]) -> Result<(), String> {
    for (rule, earlier, later) in PLACES {
        let last = ids.iter().rposition(|id| earlier.contains(&kind(id)));
        let first = ids.iter().position(|id| later.contains(&kind(id)));
        if let (Some(last), Some(first)) = (last, first)
            && last > first
        {
            return Err(format!("rule {rule}: {} comes before {} in {ids:?}", ids[first], ids[last]));
        }
    }
    // Rule 13: where Service has no NetServer of its own, it is the one inside Web.
    let own = ids.iter().any(|id| ["upgrade-netserver", "install-netserver"].contains(&kind(id)));
    let web = ids.iter().rposition(|id| WEB.contains(&kind(id))).filter(|_| !own);
    let run = ids.iter().position(|id| kind(id) == "run-upgrade-exe");
    if let (Some(web), Some(run)) = (web, run)
        && web > run
    {
        return Err(format!("rule 13: upgrade.exe runs before Web's NetServer is there: {ids:?}"));
    }
    // Rule 28: what proves the site comes last.
    let proof = ids.iter().position(|id| kind(id) == "verify-site");
    let last = ids.iter().rposition(|id| !AFTERWARDS.contains(&kind(id)));
    if let (Some(proof), Some(last)) = (proof, last)
        && last > proof
    {
        return Err(format!("rule 28: {} comes after the proof of the site", ids[last]));
    }
    by_node(ids)
}

/// Rules per server: 16 and 20 for each instance, 27 for whatever is started there.
fn by_node(ids: &[&str]) -> Result<(), String> {
    let place = |kind: &str, node: &str| ids.iter().position(|id| *id == format!("{kind}@{node}"));
    let nodes: BTreeSet<&str> = ids.iter().filter_map(|id| id.split_once('@')).map(|(_, node)| node).collect();
    for node in nodes {
        for files in SERVICE_FILES {
            let (Some(files), run) = (place(files, node), place("run-upgrade-exe", node)) else { continue };
            if run.or(place("set-up-service", node)).is_none_or(|run| run < files) {
                return Err(format!("rule 16: new files of Service on {node} and no upgrade.exe after them"));
            }
        }
        let starts = [
            ("start-netserver", &["upgrade-web", "install-web", "move-web", "upgrade-netserver"][..]),
            ("start-service-pool", &["upgrade-service", "run-upgrade-exe"][..]),
        ];
        for (start, renewed) in starts {
            let Some(started) = place(start, node) else { continue };
            if renewed.iter().any(|renewed| place(renewed, node).is_some_and(|renewed| renewed > started)) {
                return Err(format!("rule 27: {start} on {node} while its old programs meet the new database"));
            }
        }
    }
    Ok(())
}

/// Rules 1, 12 and 18: stops on the path, one schema step, one set-up and only with the files of a first Service.
///
/// # Errors
/// With the rule that is broken.
pub(super) fn counts(change: &CrmChangeSpec) -> Result<(), String> {
    stops(&change.from, &change.to)?;
    let count = |wanted: &str| change.steps.iter().filter(|step| kind(&step.id) == wanted).count();
    // A site that is half done is finished without one, where somebody has changed the schema by hand.
    let schema = count("upgrade-database");
    let as_it_should = match change.purpose {
        Purpose::Upgrade => schema == 1,
        Purpose::Forward => schema <= 1,
        Purpose::Configure | Purpose::Correct | Purpose::Restore => schema == 0,
    };
    if !as_it_should || (schema == 1 && !change.schema_change) {
        return Err(format!("rule 12: {schema} schema steps in a change for {:?}", change.purpose));
    }
    let set_ups = count("set-up-service");
    if set_ups > 1 || (set_ups == 1 && count("install-service") == 0) {
        return Err(format!("rule 18: ejTermSetup runs {set_ups} times"));
    }
    Ok(())
}

/// Rule 1: 7.5 before 8.0, 8.0 before 8.1 and later.
fn stops(from: &str, to: &str) -> Result<(), String> {
    let stop = |version: &str| match version.split(' ').next() {
        Some("7.0" | "7.1") => 0,
        Some("7.5") => 1,
        Some("8.0") => 2,
        _ => 3,
    };
    match stop(to) - stop(from) {
        0 | 1 => Ok(()),
        _ => Err(format!("rule 1: {from} -> {to} leaves out a stop")),
    }
}

#[test]
fn every_rule_of_the_vendor_is_stated() {
    let mut stated: BTreeSet<u8> = PLACES.iter().map(|(rule, _, _)| *rule).collect();
    stated.extend(COUNTED);
    stated.extend(FACTS);
    assert_eq!(stated, (1..=28).collect());
}

#[test]
fn an_order_that_breaks_a_rule_is_named() {
    for (rule, earlier, later) in PLACES {
        for (earlier, later) in earlier.iter().flat_map(|earlier| later.iter().map(move |later| (earlier, later))) {
            let broken = places(&[later, earlier]).unwrap_err();
            assert!(broken.starts_with("rule "), "{rule}: {broken}");
        }
    }
    assert!(places(&["upgrade-service@a", "run-upgrade-exe@b"]).unwrap_err().contains("rule 16"));
    assert!(places(&["start-netserver@a", "upgrade-web@a"]).unwrap_err().contains("rule 27"));
    assert!(places(&["verify-site", "publish-clients"]).unwrap_err().contains("rule 28"));
    assert!(stops("7.1 SR2", "8.0").is_err() && stops("7.5 SR2", "8.5 R15").is_err() && stops("8.0", "7.5").is_err());
    assert!(stops("8.0 SR6", "8.5 R15").is_ok() && stops("8.5 R15", "11.13").is_ok());
}

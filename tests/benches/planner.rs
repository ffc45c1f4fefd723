//! How many site plans one core makes in a second: a whole round of `crm_plan::plan` over the snapshot of a site on five
//! servers, everything in memory, nothing cached between rounds. `cargo bench -p crm-tests --bench planner`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a measurement speaks to whoever runs it")]

use std::path::Path;
use std::time::{Duration, Instant};

use crm_api::CrmNode;
use crm_plan::Snapshot;
use crm_plan::snapshot::NodeView;
use crm_sandbox::file::ScenarioFile;
use crm_sandbox::run::Sandbox;
use jiff::Timestamp;

/// What is aimed at, in plans per second and core.
const AIM: f64 = 20_000.0;
const MEASURED_FOR: Duration = Duration::from_secs(3);

fn main() {
    let (mut snapshot, now) = five_servers();
    println!("machine: {}", machine());
    println!("site: {} servers, {} releases in the catalogue", snapshot.nodes.len(), snapshot.releases.len());
    println!("| what a round decides | plans per second and core | microseconds each | aim met |");
    println!("| --- | --- | --- | --- |");
    measure("at rest: nothing to do", &snapshot, now);
    "8.0 SR6".clone_into(&mut snapshot.site.spec.version);
    let steps = match crm_plan::plan(&snapshot, now).standing {
        crm_plan::Standing::Proposed { change, .. } => change.steps.len(),
        other => panic!("no plan is proposed: {other:?}"),
    };
    measure(&format!("a whole upgrade: {steps} steps derived, checked, sorted, explained, hashed"), &snapshot, now);
}

fn measure(what: &str, snapshot: &Snapshot, now: Timestamp) {
    let begun = Instant::now();
    let mut rounds = 0_u32;
    while begun.elapsed() < MEASURED_FOR {
        std::hint::black_box(crm_plan::plan(std::hint::black_box(snapshot), now));
        rounds += 1;
    }
    let seconds = begun.elapsed().as_secs_f64() / f64::from(rounds);
    let met = if 1.0 / seconds >= AIM { "yes" } else { "no" };
    println!("| {what} | {:.0} | {:.0} | {met} |", 1.0 / seconds, seconds * 1e6);
}

/// A site on five servers, as controller and agents of the sandbox leave it at rest.
fn five_servers() -> (Snapshot, Timestamp) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/superoffice");
    let text = std::fs::read_to_string(examples.join("two-web-two-service.yaml")).unwrap();
    let server = text.split("    - name: ").find(|block| block.starts_with("contoso-web2")).unwrap();
    let third = server.replacen("contoso-web2", "contoso-web3", 1);
    let text = text
        .replace("[contoso-app, contoso-web2]", "[contoso-app, contoso-web2, contoso-web3]")
        .replacen(server, &format!("{server}    - name: {third}"), 1)
        .replace("catalogue: catalogue", &format!("catalogue: {}/catalogue", examples.display()));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("five-servers.yaml");
    std::fs::write(&file, text).unwrap();
    let file = ScenarioFile::read(&file).unwrap();
    let releases = file.releases.clone();
    let rest = Sandbox::new(file).unwrap().at_rest(0).unwrap();
    let of_kind = |kind: &str| rest.objects.iter().filter(|object| object["kind"] == kind).cloned().collect::<Vec<_>>();
    let now = rest.database.read_at.0;
    let nodes = of_kind("CrmNode").into_iter().map(|node| {
        let node: CrmNode = serde_json::from_value(node).unwrap();
        NodeView { node, heartbeat: Some(now) }
    });
    let snapshot = Snapshot {
        site: serde_json::from_value(of_kind("CrmSite").remove(0)).unwrap(),
        nodes: nodes.collect(),
        releases,
        changes: Vec::new(),
        backups: Vec::new(),
        decisions: Vec::new(),
        database: Ok(rest.database),
        foreign_claims: Vec::new(),
        same_database: Vec::new(),
        tasks: Vec::new(),
        deliveries: Vec::new(),
        epoch: 1,
    };
    (snapshot, now)
}

/// Processor and operating system, as far as they say.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1).map(str::to_owned));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{}, {cores} cores, {}", named.unwrap_or_else(|| "unknown processor".to_owned()), std::env::consts::OS)
}

//! Every story that needs no fault of the API itself also goes on the real one, and comes to the same end as on the model.

use std::sync::Arc;
use std::time::Instant;

use crm_sandbox::file::{ScenarioFile, scenarios_in};
use crm_sandbox::run::{Options, Sandbox};

use super::{differences, examples, told};
use crate::real::RealApi;
use crate::server::Server;

/// What is played where nothing else is asked for. `STORY=all` plays every example, `STORY=NAME` those with that in their
/// name.
const SAMPLE: [&str; 2] = ["fastcgi-enable", "drift-corrected"];

#[test]
fn examples_end_on_a_real_api_server_as_on_the_model() {
    let _alone = crate::server::alone();
    let only = std::env::var("STORY").unwrap_or_default();
    let is_played = |name: &str| match only.as_str() {
        "" => SAMPLE.contains(&name),
        "all" => true,
        part => name.contains(part),
    };
    let api = RealApi::on(Server::empty());
    let (begun, mut wrong, mut played, mut left_out) = (Instant::now(), String::new(), 0, 0);
    for path in scenarios_in(&examples()).unwrap() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !is_played(&name) {
            left_out += 1;
            continue;
        }
        played += 1;
        let sandbox = Sandbox::new(ScenarioFile::read(&path).unwrap()).unwrap();
        let on_model = sandbox.run(&Options::default(), &mut |_| {}).unwrap();
        let from = Instant::now();
        let report = sandbox.on(Arc::clone(&api) as _).run(&Options::default(), &mut |_| {}).unwrap();
        let (real, waits) = (from.elapsed().as_secs_f64(), report.waits);
        println!(
            "{name}: {} in {real:.1} s, {} requests, {} lines late",
            report.outcome.word(),
            waits.answered,
            waits.late
        );
        let different = differences(&on_model, &report);
        if !report.ends_as_announced || !different.is_empty() {
            wrong.push_str(&format!("{name}:\n{}\n{}\n", different.join("\n"), told(&report)));
        }
    }
    println!("{played} stories in {:.1} s", begun.elapsed().as_secs_f64());
    if left_out > 0 {
        println!("NOT PLAYED: {left_out} other examples (STORY=all)");
    }
    assert!(wrong.is_empty() && played > 0, "{wrong}");
}

//! The agent in a small world: killed anywhere, it ends where it would have ended.

use std::sync::Arc;
use std::time::Duration;

use crm_api::clock::Clock;
use crm_api::evidence::{Expected, LocalExpectation};
use crm_api::node::CrmNodeStatus;
use crm_api::order::{Action, Order, OrderPhase, OrderResult, Outcome, PromptAnswer};
use crm_api::probe::{Probe, RunState, StartType};
use crm_plan::carry_out::{Wanted, Wish, whole_seconds};
use tokio::sync::watch;

use crate::owner::Me;
use crate::report;
use crate::spec::Spec;
use crate::turn::{Progress, carry_out_orders};

mod links;
mod owners;
mod probes;
mod program;
mod rounds;
mod statuses;
mod stores;
mod world;

use program::Does;
use world::{Inner, World};

/// The machine of a world, where nothing else is said.
const MACHINE: &str = "first";
const SETUP: &str = r"C:\media\setup.exe";
const UPGRADE: &str = r"C:\app\convert.exe";
/// Longer than any order here takes.
const LONG: Duration = Duration::from_secs(1200);

/// The shells may run the agent on any executor: the future moves between threads.
#[test]
fn a_running_agent_is_send() {
    fn is_send<T: Send>(_: fn(crate::Agent) -> T) {}
    is_send(crate::Agent::run);
}

fn set_up(inner: &mut Inner) {
    inner.installed = "7".to_owned();
    inner.services.insert("Web".to_owned(), (Some(RunState::Running), Some(StartType::Automatic)));
    inner.files.insert(r"\\share\setup.zip".to_owned(), "media".to_owned());
    inner.files.insert(r"C:\app\app.config".to_owned(), "a = 1\r\n#maintenance\r\n".to_owned());
    inner.files.insert(r"C:\app\bin\app.dll".to_owned(), "old".to_owned());
    inner.programs.insert(SETUP.to_owned(), vec![Does::Takes(120), Does::Installs("8"), Does::Exits(3010)]);
}

fn version_is(version: &str) -> LocalExpectation {
    LocalExpectation {
        probe: Probe::Program { name: "Server".to_owned() },
        expected: Expected::Text { is: version.to_owned() },
    }
}

fn order(world: &World, id: &str, actions: Vec<Action>) -> Order {
    Order {
        id: id.to_owned(),
        attempt: 1,
        format: 1,
        plan_hash: "hash".to_owned(),
        epoch: 3,
        start_before: whole_seconds(world.now() + jiff::SignedDuration::from_hours(24)),
        time_limit_seconds: 600,
        actions,
        granted: false,
        withdrawn: false,
        may_skip: false,
        done_when: Vec::new(),
        absent_when: Vec::new(),
    }
}

/// Three orders as a change gives them: freeze and back up, install, open again.
fn change(world: &World) -> Vec<Order> {
    let backup = vec![
        Action::StopService { name: "Web".to_owned() },
        Action::SetServiceStart { name: "Web".to_owned(), start: StartType::Disabled },
        Action::SetFlagLine { path: r"C:\app\app.config".to_owned(), line: "maintenance".to_owned(), set: true },
        Action::SetConfigValue { path: r"C:\app\app.config".to_owned(), key: "b".to_owned(), value: "2".to_owned() },
        Action::AwaitProcessesGone { folder: r"C:\app".to_owned() },
        Action::CopyTree { from: r"C:\app".to_owned(), to: r"D:\backup\app".to_owned() },
        Action::ExportRegistryKey { key: r"HKLM\App".to_owned(), to: r"D:\backup\app.reg".to_owned() },
        Action::ExportIis { to: r"D:\backup\iis".to_owned() },
        Action::WriteListing { from: r"C:\app".to_owned(), to: r"D:\backup\list.txt".to_owned() },
        Action::RecordFile { path: r"D:\backup\list.txt".to_owned() },
    ];
    let fetch = Action::FetchMedia {
        from: r"\\share\setup.zip".to_owned(),
        to: r"C:\media".to_owned(),
        sha256: "sha of media".to_owned(),
    };
    let install = Action::RunInstaller { program: SETUP.to_owned(), arguments: Vec::new() };
    let open = vec![
        Action::SetServiceStart { name: "Web".to_owned(), start: StartType::Automatic },
        Action::StartService { name: "Web".to_owned() },
    ];
    vec![
        order(world, "backup", backup),
        Order {
            done_when: vec![version_is("8")],
            absent_when: vec![version_is("7")],
            ..order(world, "install", vec![fetch, install])
        },
        order(world, "open", open),
    ]
}

/// Who the agent of a world is.
fn me(world: &World) -> Me {
    Me { machine: world.look().machine_id.to_owned(), account: String::new() }
}

fn spec_of(orders: Vec<Order>) -> Arc<Spec> {
    let orders = orders.into_iter().map(|order| Wanted::Order(Box::new(order))).collect();
    let wish = Wish { orders, ..Wish::default() };
    let status = CrmNodeStatus { machine: MACHINE.to_owned(), ..CrmNodeStatus::default() };
    Arc::new(Spec { uid: Some("uid".to_owned()), generation: 1, wish, status, ..Spec::default() })
}

/// Lets an agent live until it is killed or has had time for everything. Gives its results where it lived on.
async fn live(world: &Arc<World>, spec: &Arc<Spec>) -> Option<Vec<OrderResult>> {
    let (_spec_sender, spec_receiver) = watch::channel(Some(Arc::clone(spec)));
    let (sender, progress) = watch::channel(Progress::Unknown);
    let agent = carry_out_orders(world.clone(), world.clone(), me(world), spec_receiver, sender);
    tokio::select! {
        biased;
        () = world.died.notified() => None,
        () = agent => None,
        () = tokio::time::sleep(LONG) => Some(report::results(&spec.wish, &progress.borrow(), world.now())),
    }
}

fn outcomes(results: &[OrderResult]) -> Vec<(String, Option<Outcome>)> {
    results.iter().map(|result| (result.id.clone(), result.outcome)).collect()
}

/// Everything of the world that a person would look at.
fn state(world: &World) -> (String, Vec<(String, String)>, String, Vec<String>) {
    let inner = world.look();
    let files = inner.files.iter().map(|(name, text)| (name.clone(), text.clone())).collect();
    (inner.installed.clone(), files, format!("{:?}", inner.services), inner.starts.clone())
}

#[tokio::test(start_paused = true)]
async fn orders_are_carried_out_one_after_the_other_with_their_proof() {
    let world = World::new(set_up);
    let results = live(&world, &spec_of(change(&world))).await.unwrap();
    assert!(results.iter().all(|result| result.outcome == Some(Outcome::Done)), "{results:#?}");
    let paths: Vec<&str> = results[0].files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            r"D:\backup\app.sha256",
            r"D:\backup\app.reg",
            r"D:\backup\iis.sha256",
            r"D:\backup\list.txt",
            r"D:\backup\list.txt"
        ]
    );
    assert_eq!(results[1].exit_code, Some(3010));
    assert!(results[1].message.contains("exit code 3010"), "{}", results[1].message);
    let inner = world.look();
    assert_eq!(inner.files[r"C:\app\app.config"], "a = 1\r\nmaintenance\r\nb=2\r\n");
    assert!(inner.files[r"D:\backup\app.sha256"].contains("sha of old  bin\\app.dll\n"));
    assert_eq!(inner.services["Web"], (Some(RunState::Running), Some(StartType::Automatic)));
}

/// For every change n of the journal or the machine: killed before and after n, for each pair of such moments.
#[tokio::test(start_paused = true)]
async fn killed_anywhere_twice_the_world_ends_the_same_and_nothing_is_started_twice() {
    let world = World::new(set_up);
    let expected = outcomes(&live(&world, &spec_of(change(&world))).await.unwrap());
    let (count, ends_as) = (world.no_crash(), state(&world));
    assert!(count > 30, "{count} changes");
    for first in 1..=count {
        for second in 0..=count - first + 2 {
            for (after_first, after_second) in [(false, false), (false, true), (true, false), (true, true)] {
                let world = World::new(set_up);
                let spec = spec_of(change(&world));
                world.crash_at(first, after_first);
                assert!(live(&world, &spec).await.is_none(), "{first} is never reached");
                world.crash_at(second, after_second);
                let survived = live(&world, &spec).await;
                world.no_crash();
                let results = match survived {
                    Some(results) => results,
                    None => live(&world, &spec).await.unwrap(),
                };
                let when = format!("killed at {first} ({after_first}), then at {second} ({after_second})");
                assert_eq!(outcomes(&results), expected, "{when}: {results:#?}");
                assert_eq!(state(&world), ends_as, "{when}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_installer_that_ended_while_no_agent_lived_is_judged_by_what_it_left() {
    for pause_secs in [0, 60, 3600] {
        let world = World::new(set_up);
        let spec = spec_of(change(&world)[1..2].to_vec());
        let changes_before_pid = {
            let twin = World::new(set_up);
            live(&twin, &spec).await.unwrap();
            twin.no_crash() - 1
        };
        // The change before the last is the one that writes down the process id.
        world.crash_at(changes_before_pid, false);
        assert!(live(&world, &spec).await.is_none());
        world.no_crash();
        tokio::time::sleep(Duration::from_secs(pause_secs)).await;
        let results = live(&world, &spec).await.unwrap();
        assert_eq!(results[0].outcome, Some(Outcome::Done), "{results:#?}");
        assert_eq!(world.look().starts.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_windows_under_an_installer_ends_the_attempt_and_a_new_one_may_start() {
    let world = World::new(set_up);
    let orders = change(&world)[1..2].to_vec();
    let spec = spec_of(orders.clone());
    assert!(tokio::time::timeout(Duration::from_secs(60), live(&world, &spec)).await.is_err(), "it runs for 120 s");
    world.reboot();
    let results = live(&world, &spec).await.unwrap();
    assert_eq!(results[0].outcome, Some(Outcome::Absent), "{results:#?}");
    assert_eq!(world.look().starts.len(), 1);
    let again = spec_of(orders.into_iter().map(|order| Order { attempt: 2, ..order }).collect());
    let results = live(&world, &again).await.unwrap();
    assert_eq!((results[0].attempt, results[0].outcome), (2, Some(Outcome::Done)));
    assert_eq!(world.look().starts.len(), 2);
}

fn console_order(world: &World) -> Order {
    let answer =
        |question: &str, answer: &str| PromptAnswer { question: question.to_owned(), answer: answer.to_owned() };
    let run = Action::RunConsole {
        program: UPGRADE.to_owned(),
        arguments: Vec::new(),
        answers: vec![answer("site name", "contoso"), answer("fastcgi", "yes")],
        failure_texts: vec!["failed".to_owned()],
        repeatable: true,
    };
    Order { done_when: vec![version_is("8")], absent_when: vec![version_is("7")], ..order(world, "upgrade", vec![run]) }
}

async fn console(script: Vec<Does>) -> (Arc<World>, OrderResult) {
    let world = World::new(|inner| {
        set_up(inner);
        inner.programs.insert(UPGRADE.to_owned(), script);
    });
    let spec = spec_of(vec![console_order(&world)]);
    let result = live(&world, &spec).await.unwrap().remove(0);
    (world, result)
}

#[tokio::test(start_paused = true)]
async fn a_console_program_is_answered_by_the_text_of_its_questions() {
    let script = vec![
        Does::Prints("Configuring FastCGI...\n"),
        Does::Takes(30),
        Does::Asks("Site Name: "),
        Does::Asks("Use FastCGI (yes/no)? "),
        Does::InstallsIf("yes", "8"),
        Does::Asks("Site Name, again: "),
        Does::Prints("done\n"),
        Does::Exits(0),
    ];
    let (world, result) = console(script).await;
    assert_eq!(result.outcome, Some(Outcome::Done), "{result:#?}");
    assert_eq!(world.look().typed, ["contoso", "yes", "contoso"]);
    assert!(result.message.ends_with("done"), "{}", result.message);
}

#[tokio::test(start_paused = true)]
async fn a_question_without_an_answer_ends_the_attempt_without_killing() {
    let (world, result) =
        console(vec![Does::Prints("hello\n"), Does::Asks("Erase everything? "), Does::Exits(2)]).await;
    assert_eq!((result.outcome, result.exit_code), (Some(Outcome::Absent), Some(2)));
    assert!(result.message.contains("unexpected question: \"Erase everything?\""), "{}", result.message);
    assert!(world.look().typed.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_output_that_means_failure_is_never_done() {
    let script = vec![Does::Prints("step 3 FAILED\n"), Does::Installs("8"), Does::Prints("success\n"), Does::Exits(0)];
    let (_, result) = console(script).await;
    assert_eq!(result.outcome, Some(Outcome::Partial));
    assert!(result.message.contains("step 3 FAILED"), "{}", result.message);
}

#[tokio::test(start_paused = true)]
async fn a_package_with_another_content_is_not_unpacked() {
    let world = World::new(|inner| {
        set_up(inner);
        inner.files.insert(r"\\share\setup.zip".to_owned(), "forged".to_owned());
    });
    let mut orders = change(&world)[1..2].to_vec();
    (orders[0].done_when, orders[0].absent_when) = (Vec::new(), Vec::new());
    let result = live(&world, &spec_of(orders)).await.unwrap().remove(0);
    assert_eq!(result.outcome, Some(Outcome::Partial));
    assert!(result.message.contains("sha256 is sha of forged, expected sha of media"), "{}", result.message);
    assert!(!world.look().files.contains_key(SETUP));
}

#[tokio::test(start_paused = true)]
async fn what_the_machine_refuses_ends_the_order_with_its_sentence() {
    let world = World::new(|inner| {
        set_up(inner);
        inner.refuse = Some("access denied");
    });
    let results = live(&world, &spec_of(change(&world)[..1].to_vec())).await.unwrap();
    assert_eq!(results[0].outcome, Some(Outcome::Absent));
    assert_eq!(results[0].message, "stop service Web: access denied");
}

#[tokio::test(start_paused = true)]
async fn a_program_that_cannot_be_started_is_absent() {
    let world = World::new(|inner| {
        set_up(inner);
        inner.programs.clear();
    });
    let result = live(&world, &spec_of(change(&world)[1..2].to_vec())).await.unwrap().remove(0);
    assert_eq!(result.outcome, Some(Outcome::Absent));
    assert!(result.message.contains("was not started"), "{}", result.message);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_journal_is_a_named_stop() {
    for journal in ["", "{", "{\"version\":2}", "{\"version\":1}"] {
        let world = World::new(|inner| {
            set_up(inner);
            inner.journal = Some(journal.to_owned());
        });
        let results = live(&world, &spec_of(change(&world))).await.unwrap();
        assert!(
            results.iter().all(|result| result.phase == OrderPhase::Ended && result.outcome == Some(Outcome::Unknown))
        );
        assert!(results[0].message.contains("journal is damaged"), "{}", results[0].message);
        assert_eq!(world.look().journal.as_deref(), Some(journal));
        assert_eq!(world.look().installed, "7");
    }
}

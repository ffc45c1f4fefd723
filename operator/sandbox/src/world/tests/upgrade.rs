//! `upgrade.exe`.

use crm_agent::host::Host;
use crm_api::order::PromptAnswer;
use crm_api::probe::StartType;

use super::{BIN, CONFIG, CS, NEW, OLD, SCHEDULER, count, host, scenario, up_to_upgrade, upgrade, world, world_of};
use crate::world::{Change, Happening, WorldFault};

const ANSWERS: [&str; 3] = ["SuperOffice Service", "yes", "no"];
const DOMAIN: [&str; 3] = ["-noconfirm", "-d", "crm.contoso.example"];

fn recorded(world: &crate::world::World) -> String {
    world.with(|state| state.database.service_version.clone()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn it_records_the_release_sets_the_endpoint_and_maps_every_program() {
    let world = world();
    up_to_upgrade(&world).await;
    let cs = host(&world, CS);
    assert_eq!(recorded(&world), OLD);
    let (exit, output) = upgrade(&cs, &DOMAIN, &ANSWERS).await;
    assert_eq!(exit, Some(0), "{output}");
    assert_eq!(recorded(&world), NEW);
    let config = cs.read_text(CONFIG).await.unwrap();
    assert!(config.contains("nsEndPoint = http://contoso-app/sales/Remote/Services82"), "{config}");
    assert!(world.is_frozen(CS), "it does not unfreeze");
    let handlers = cs.handlers("SuperOffice Service", &world.layout().scripts()).await.unwrap();
    assert_eq!(handlers.mapped, handlers.programs);
    assert_eq!(world.digest_facts()["registry UseExtension"], "fcgi");
    assert_eq!(world.digest_facts()["attachments in one flat folder @contoso-cs"], "23500");
    assert!(output.contains("Starting ejSchedule"), "{output}");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_may_start_the_scheduler_it_fails_at_the_end() {
    let world = world();
    up_to_upgrade(&world).await;
    let cs = host(&world, CS);
    cs.set_service_start(SCHEDULER, StartType::Disabled).await.unwrap();
    let (_, output) = upgrade(&cs, &DOMAIN, &ANSWERS).await;
    assert!(output.contains("the service is disabled"), "{output}");
    assert!(output.contains("Exception caught in main()"), "{output}");
}

#[tokio::test(start_paused = true)]
async fn a_second_run_has_no_effect_but_a_new_time() {
    let world = world();
    up_to_upgrade(&world).await;
    let cs = host(&world, CS);
    upgrade(&cs, &DOMAIN, &ANSWERS).await;
    let effects = count(&world, |what| matches!(what, Happening::Effect { .. }));
    let first = world.with(|state| state.database.service_installed_at);
    assert_eq!(upgrade(&cs, &DOMAIN, &ANSWERS).await.0, Some(0));
    assert_eq!(count(&world, |what| matches!(what, Happening::Effect { .. })), effects);
    assert!(world.with(|state| state.database.service_installed_at) > first);
}

#[tokio::test(start_paused = true)]
async fn a_later_run_moves_the_attachments() {
    let world = world();
    up_to_upgrade(&world).await;
    let cs = host(&world, CS);
    upgrade(&cs, &DOMAIN, &ANSWERS).await;
    upgrade(&cs, &DOMAIN, &["SuperOffice Service", "yes", "yes"]).await;
    let folder = "C:\\SuperOffice\\Attachments";
    let numbers = cs.numbered_files(folder).await.unwrap();
    let runs: Vec<_> = numbers.iter().map(|(name, runs)| (name.as_str(), runs[0])).collect();
    assert_eq!(runs, [("folder0", (1, 10_000)), ("folder1", (10_001, 20_000)), ("folder2", (20_001, 23_500))]);
    assert_eq!(cs.folders(folder).await.unwrap(), ["folder0", "folder1", "folder2"]);
    assert_eq!(cs.folder_size(folder).await.unwrap().files, 23_500);
}

#[tokio::test(start_paused = true)]
async fn without_a_domain_it_asks_for_one_and_a_site_must_exist() {
    let world = world();
    up_to_upgrade(&world).await;
    let cs = host(&world, CS);
    let answers = ["yes", "crm.contoso.example", "crm.contoso.example"];
    let (exit, output) = upgrade(&cs, &[], &answers).await;
    assert_eq!(exit, Some(1));
    assert!(output.contains("Which domain") && output.contains("does not exist in IIS"), "{output}");
    assert_eq!(recorded(&world), OLD);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_of_its_input_it_ends_without_effect() {
    let world = world();
    up_to_upgrade(&world).await;
    let before = count(&world, |what| matches!(what, Happening::Effect { .. }));
    let cs = host(&world, CS);
    cs.start_process(&format!("{BIN}\\upgrade.exe"), &["-noconfirm".to_owned()]).await.unwrap();
    super::minutes(1).await;
    world.kill_agent(CS);
    super::minutes(60).await;
    assert_eq!(count(&world, |what| matches!(what, Happening::Effect { .. })), before);
    assert_eq!(world.digest_facts()["vendor programs running @contoso-cs"], "0");
}

#[tokio::test(start_paused = true)]
async fn a_file_of_answers_answers_everything() {
    let world = world();
    up_to_upgrade(&world).await;
    let cs = host(&world, CS);
    let text = "domain=crm.contoso.example\niisSite=SuperOffice Service\nfastCgi=no\nremapAttachments=no\n".to_owned();
    cs.replace_text("C:\\answers.txt", text).await.unwrap();
    let (exit, _) = upgrade(&cs, &["-noconfirm", "-config-file", "C:\\answers.txt"], &[]).await;
    assert_eq!(exit, Some(0));
    assert_eq!(recorded(&world), NEW);
    assert_eq!(world.digest_facts()["registry UseExtension"], "exe");
}

#[tokio::test(start_paused = true)]
async fn a_missing_registry_key_shows_as_an_exception_amid_good_output() {
    let world = world();
    up_to_upgrade(&world).await;
    let key = "HKLM\\SOFTWARE\\Wow6432Node\\SuperOffice Customer Service\\crm.contoso.example";
    world.remove_registry_key(CS, key);
    let (exit, output) = upgrade(&host(&world, CS), &DOMAIN, &ANSWERS).await;
    assert_eq!(exit, Some(0), "the exit code does not show it");
    assert!(output.contains("Exception caught in main()") && output.trim_end().ends_with("Done."), "{output}");
    assert_eq!(recorded(&world), OLD);
}

#[tokio::test(start_paused = true)]
async fn the_exception_fault_spares_the_second_run() {
    let world = world();
    up_to_upgrade(&world).await;
    world.arm(WorldFault::ExceptionInMain, None);
    let cs = host(&world, CS);
    assert!(upgrade(&cs, &DOMAIN, &ANSWERS).await.1.contains("Exception caught in main()"));
    assert_eq!(recorded(&world), OLD);
    upgrade(&cs, &DOMAIN, &ANSWERS).await;
    assert_eq!(recorded(&world), NEW);
    assert_eq!(count(&world, |what| matches!(what, Happening::Effect { change: Change::Handlers, .. })), 1);
    let (cs, scripts) = (host(&world, CS), world.layout().scripts());
    cs.remove_handlers("SuperOffice Service", &scripts).await.unwrap();
    let handlers = cs.handlers("SuperOffice Service", &scripts).await.unwrap();
    assert!(!handlers.programs.is_empty() && handlers.mapped.is_empty(), "{handlers:?}");
    assert!(cs.remove_handlers("no such site", &scripts).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn it_fails_while_its_net_server_does_not_answer() {
    let world = world();
    up_to_upgrade(&world).await;
    let app = host(&world, super::APP);
    app.set_pool_state("SuperOffice Web", crm_api::probe::RunState::Stopped).await.unwrap();
    let (_, output) = upgrade(&host(&world, CS), &DOMAIN, &ANSWERS).await;
    assert!(output.contains("Exception caught in main()"), "{output}");
}

#[tokio::test(start_paused = true)]
async fn an_old_iis_makes_it_warn_and_offer_to_abort() {
    let mut scenario = scenario();
    scenario.spec.servers[1].iis = Some("7.0".to_owned());
    let world = world_of(&scenario);
    up_to_upgrade(&world).await;
    let cs = host(&world, CS);
    let answers = ["yes", "SuperOffice Service", "yes", "yes"];
    let (exit, output) = upgrade(&cs, &["-d", "crm.contoso.example"], &answers).await;
    assert_eq!(exit, Some(1));
    assert!(output.contains("support.microsoft.com/kb/980363") && output.contains("abort"), "{output}");
    assert_eq!(count(&world, |what| matches!(what, Happening::Effect { change: Change::Handlers, .. })), 0);
}

#[tokio::test(start_paused = true)]
async fn it_starts_the_scheduler_where_nobody_has_disabled_it() {
    let world = world();
    up_to_upgrade(&world).await;
    let cs = host(&world, CS);
    cs.set_service_start(SCHEDULER, StartType::Manual).await.unwrap();
    upgrade(&cs, &DOMAIN, &ANSWERS).await;
    assert_eq!(cs.service(SCHEDULER).await.unwrap().0, crm_api::probe::RunState::Running);
}

#[tokio::test(start_paused = true)]
async fn a_person_answers_by_the_text_of_the_question() {
    let world = world();
    up_to_upgrade(&world).await;
    let answer =
        |question: &str, answer: &str| PromptAnswer { question: question.to_owned(), answer: answer.to_owned() };
    let answers = vec![
        answer("attachments", "skip"),
        answer("name of the IIS site", "SuperOffice Service"),
        answer("FastCGI", "yes"),
    ];
    let arguments = DOMAIN.map(str::to_owned);
    let exit = world.run_attended(CS, &format!("{BIN}\\upgrade.exe"), &arguments, answers).await;
    assert_eq!(exit, Ok(Some(0)));
    assert_eq!(recorded(&world), NEW);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_assumed_to_take_its_first_answers_at_the_end_of_its_input() {
    let mut scenario = scenario();
    scenario.spec.assumptions.upgrade_at_end_of_input = crate::world::assumptions::EndOfInput::TakeDefault;
    let world = world_of(&scenario);
    up_to_upgrade(&world).await;
    upgrade(&host(&world, CS), &DOMAIN, &[]).await;
    assert_eq!(recorded(&world), NEW);
    assert_eq!(world.digest_facts()["attachments in one flat folder @contoso-cs"], "0");
}

#[tokio::test(start_paused = true)]
async fn only_the_handlers_can_be_set_up() {
    let world = world();
    up_to_upgrade(&world).await;
    let (exit, _) = upgrade(&host(&world, CS), &["-noconfirm", "-d", "x", "-onlyFCGI"], &["SuperOffice Service"]).await;
    assert_eq!(exit, Some(0));
    assert_eq!(recorded(&world), OLD);
    assert_eq!(count(&world, |what| matches!(what, Happening::Effect { change: Change::Handlers, .. })), 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_its_middle_leaves_what_is_done_and_a_second_run_completes_it() {
    let world = world();
    up_to_upgrade(&world).await;
    world.arm(WorldFault::RebootInMidStep, Some("upgrade.exe".to_owned()));
    upgrade(&host(&world, CS), &DOMAIN, &ANSWERS).await;
    super::minutes(5).await;
    assert_eq!(recorded(&world), OLD);
    upgrade(&host(&world, CS), &DOMAIN, &ANSWERS).await;
    assert_eq!(recorded(&world), NEW);
    assert_eq!(count(&world, |what| matches!(what, Happening::Effect { change: Change::ServiceData, .. })), 1);
}

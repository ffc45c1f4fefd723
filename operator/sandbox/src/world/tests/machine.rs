//! Windows, IIS, services, processes, as an agent meets them.

use crm_agent::host::{Host, HostError, ProcessState};
use crm_agent::text::config_file;
use crm_agent::text::encoding::{Encoding, encode};
use crm_agent::text::iis::Iis;
use crm_api::probe::{RunState, StartType};
use crm_api::site::Component;

use super::{APP, BIN, CONFIG, CS, NEW, OLD, SCHEDULER, fetch, host, minutes, world};

#[tokio::test(start_paused = true)]
async fn an_untouched_site_shows_one_release_in_every_place() {
    let world = world();
    for row in world.versions() {
        assert_eq!(row.version.as_deref(), Some(OLD), "{row:?}");
    }
    let app = host(&world, APP);
    let ini = app.read_text("C:\\Program Files\\SuperOffice\\SuperOffice Server\\SuperOffice.ini").await.unwrap();
    assert!(ini.contains("[ServerSetup installation]\r\nVersion=7.5.5885"), "{ini}");
    let (version, location) = host(&world, CS).installed_program("SuperOffice Customer Service").await.unwrap();
    assert_eq!((version.as_str(), location.as_str()), (OLD, "C:\\SuperOffice\\Customer Service"));
}

#[tokio::test(start_paused = true)]
async fn addresses_answer_as_the_product_would() {
    let world = world();
    let (app, cs) = (host(&world, APP), host(&world, CS));
    assert_eq!(app.get_url("http://localhost/sales/Remote/services75/Contact.svc").await, Ok(200));
    assert_eq!(cs.get_url("http://crm.contoso.example/sales/Remote/Services75/Contact.svc").await, Ok(200));
    assert_eq!(cs.get_url("http://contoso-app/sales/Remote/Services82/Contact.svc").await, Ok(404));
    assert_eq!(cs.get_url("http://crm.contoso.example/scripts/rms.exe").await, Ok(200));
    assert_eq!(cs.get_url("http://crm.contoso.example/scripts/rms.fcgi").await, Ok(404));
    cs.set_pool_state("SuperOffice Service", RunState::Stopped).await.unwrap();
    assert_eq!(cs.get_url("http://crm.contoso.example/scripts/rms.exe").await, Ok(503));
    assert!(matches!(cs.get_url("http://nowhere.example/").await, Err(HostError::Refused(_))));
}

#[tokio::test(start_paused = true)]
async fn a_restart_starts_what_is_automatic_and_forgets_every_process() {
    let world = world();
    let cs = host(&world, CS);
    cs.set_service_state(SCHEDULER, RunState::Stopped).await.unwrap();
    let before = cs.machine().await.unwrap().boot_id;
    world.reboot(CS);
    assert!(world.host(CS).is_none());
    assert!(cs.machine().await.is_err());
    minutes(5).await;
    let cs = host(&world, CS);
    assert_ne!(cs.machine().await.unwrap().boot_id, before);
    assert_eq!(cs.service(SCHEDULER).await, Ok((RunState::Running, StartType::Automatic)));
}

#[tokio::test(start_paused = true)]
async fn a_disabled_scheduler_stays_down_over_a_restart() {
    let world = world();
    let cs = host(&world, CS);
    cs.set_service_start(SCHEDULER, StartType::Disabled).await.unwrap();
    cs.set_service_state(SCHEDULER, RunState::Stopped).await.unwrap();
    world.reboot(CS);
    minutes(5).await;
    let cs = host(&world, CS);
    assert_eq!(cs.service(SCHEDULER).await, Ok((RunState::Stopped, StartType::Disabled)));
    assert!(matches!(cs.set_service_state(SCHEDULER, RunState::Running).await, Err(HostError::Refused(_))));
}

#[tokio::test(start_paused = true)]
async fn an_installer_outlives_its_agent_but_nobody_knows_its_exit_code_then() {
    let world = world();
    let app = host(&world, APP);
    let program = fetch(&world, APP, Component::Web).await;
    let id = app.start_process(&program, &["-s".to_owned()]).await.unwrap();
    minutes(1).await;
    world.kill_agent(APP);
    assert!(app.machine().await.is_err(), "a killed agent gets no more answers");
    let next = host(&world, APP);
    assert!(matches!(next.process(&id).await, Ok(ProcessState::Running { .. })));
    minutes(20).await;
    assert_eq!(next.process(&id).await, Ok(ProcessState::Gone));
    assert_eq!(next.installed_program("SuperOffice Web").await.unwrap().0, NEW);
}

#[tokio::test(start_paused = true)]
async fn an_agent_without_rights_can_look_but_not_act() {
    let mut scenario = super::scenario();
    scenario.spec.servers[1].elevated = false;
    let world = super::world_of(&scenario);
    let cs = host(&world, CS);
    assert!(!cs.machine().await.unwrap().elevated);
    assert!(matches!(cs.set_service_state(SCHEDULER, RunState::Stopped).await, Err(HostError::Refused(_))));
    let (exit, output) = super::upgrade(&cs, &["-noconfirm"], &[]).await;
    assert_eq!(exit, Some(1));
    assert!(output.contains("elevated"), "{output}");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_scheduler_leaves_its_programs_running_for_seconds() {
    let world = world();
    let cs = host(&world, CS);
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    cs.set_service_state(SCHEDULER, RunState::Stopped).await.unwrap();
    assert_eq!(cs.processes_below(BIN).await, Ok(vec!["ejournalCron.exe".to_owned(), "importMail.exe".to_owned()]));
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    assert_eq!(cs.processes_below(BIN).await, Ok(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn only_the_bare_word_freezes() {
    let world = world();
    let cs = host(&world, CS);
    assert!(!world.is_frozen(CS), "the word is commented out");
    let text = cs.read_text(CONFIG).await.unwrap();
    cs.replace_text(CONFIG, text.replace("# frozen", "frozen")).await.unwrap();
    assert!(world.is_frozen(CS));
    assert_eq!(world.users_at_work(), vec!["kari".to_owned()]);
    cs.replace_text(CONFIG, text).await.unwrap();
    minutes(3).await;
    assert_eq!(world.users_at_work(), vec!["kari".to_owned(), "ola".to_owned()]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_cut_off_in_a_copy_leaves_half_of_it() {
    let world = world();
    let cs = host(&world, CS);
    let target = "\\\\backup.contoso.example\\crm\\service";
    let copy = async {
        let _ = cs.copy_tree("C:\\SuperOffice\\Customer Service", target).await;
    };
    tokio::select! {
        () = copy => {}
        () = tokio::time::sleep(std::time::Duration::from_secs(30)) => {}
    }
    let whole = cs.tree("C:\\SuperOffice\\Customer Service").await.unwrap();
    let half = cs.tree(target).await.unwrap();
    assert!(half.len() < whole.len());
    cs.copy_tree("C:\\SuperOffice\\Customer Service", target).await.unwrap();
    assert_eq!(cs.tree(target).await.unwrap(), whole);
}

#[tokio::test(start_paused = true)]
async fn a_file_in_utf_16_stays_so_and_means_the_same() {
    let world = world();
    let cs = host(&world, CS);
    let text = cs.read_text(CONFIG).await.unwrap();
    let frozen = config_file::with_flag(&text, "frozen", true).unwrap();
    cs.replace_file(CONFIG, encode(&frozen, Encoding::Utf16Little).unwrap()).await.unwrap();
    assert!(world.is_frozen(CS));
    let stored = cs.read_file(CONFIG).await.unwrap();
    assert_eq!(stored.get(..2), Some(&[0xff, 0xfe][..]));
    assert_eq!(cs.file_content(CONFIG).await.unwrap().sha256, crate::world::files::sha256(&stored));
    assert_eq!(cs.read_text(CONFIG).await.unwrap(), frozen);
}

#[tokio::test(start_paused = true)]
async fn iis_is_read_from_its_own_text() {
    let world = world();
    let cs = host(&world, CS);
    let scripts = "C:\\SuperOffice\\Customer Service\\www\\scripts";
    let sites = cs.sites_serving(scripts).await.unwrap();
    assert_eq!(sites.len(), 1, "{sites:?}");
    assert!(cs.handlers("no such site", scripts).await.is_err());
    cs.export_iis("C:\\export").await.unwrap();
    let text = cs.read_text("C:\\export\\applicationHost.config").await.unwrap();
    assert_eq!(Iis::parse(&text, Encoding::Utf8).unwrap().sites_serving(scripts), sites);
}

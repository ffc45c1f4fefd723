//! The SQL Server.

use crm_database::backup::{back_up, read_header, verify};
use crm_database::facts::read;
use crm_database::{Connect, Credentials, DatabaseError, Target};
use std::sync::Arc;
use std::time::Duration;

use super::{CS, PASSWORD, SCHEDULER, count, host, minutes, site, sql, world};
use crate::world::{Happening, WorldFault};
use crm_agent::host::Host as _;
use crm_api::probe::RunState;

const FILE: &str = "\\\\backup.contoso.example\\crm\\one.bak";

#[tokio::test(start_paused = true)]
async fn a_reading_shows_every_fact_and_everybody_connected() {
    let world = world();
    minutes(2).await;
    let sql = sql(&world).await;
    let facts = read(&sql, &site().spec, world.now()).await.unwrap();
    assert_eq!(facts.value("databaseVersion"), Some("7.5.5885"));
    assert_eq!(facts.value("useExtension"), Some("exe"));
    assert_eq!(facts.value("maintenanceTo"), Some("2027-06-30"));
    assert_eq!(facts.value("travellersOut"), Some("0"));
    assert!(facts.value("schedulerHeartbeat").unwrap() > "2026-11-28T18:01", "the scheduler beats");
    let empty = facts.facts.iter().filter(|fact| fact.value.is_none()).map(|fact| fact.name.as_str());
    assert_eq!(empty.collect::<Vec<_>>(), ["databaseModel"], "a database before 8.1 does not describe itself");
    let programs: Vec<_> = facts.sessions.iter().map(|session| session.program.as_str()).collect();
    assert!(programs.contains(&"SuperOffice NetServer") && programs.contains(&"SuperOffice Service"), "{programs:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_error_18456() {
    let world = world();
    let target = Target { server: "sql1.contoso.example".to_owned(), database: "CRM7".to_owned() };
    let wrong = Credentials::new("crm7".to_owned(), "guess".to_owned());
    let Err(error) = world.sql().connect(target.clone(), wrong).await else { panic!("logged in") };
    assert!(matches!(error, DatabaseError::Refused { number: 18456, .. }), "{error:?}");
    let elsewhere = Target { server: "sql2".to_owned(), ..target };
    let right = Credentials::new("crm7".to_owned(), PASSWORD.to_owned());
    assert!(matches!(world.sql().connect(elsewhere, right).await, Err(DatabaseError::Lost { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_statement_or_schema_is_refused() {
    let world = world();
    let sql = sql(&world).await;
    let mut statement = back_up("CRM7", FILE);
    statement.name = "superoffice.nothing";
    assert!(matches!(sql.run(statement).await, Err(DatabaseError::Refused { number: 208, .. })));
    let other = crm_database::superoffice::set_use_extension("CRM8", "exe");
    assert!(matches!(sql.run(other).await, Err(DatabaseError::Refused { number: 208, .. })));
}

#[tokio::test(start_paused = true)]
async fn a_backup_takes_minutes_is_seen_running_and_names_its_moment() {
    let world = world();
    let sql = sql(&world).await;
    assert_eq!(read_header(&sql, FILE).await, Ok(None));
    let caller = tokio::spawn({
        let sql = Arc::clone(&sql);
        async move { sql.run(back_up("CRM7", FILE)).await }
    });
    minutes(2).await;
    let facts = read(&sql, &site().spec, world.now()).await.unwrap();
    assert!(facts.backups_running[0].contains(FILE));
    assert!(read_header(&sql, FILE).await.is_err(), "half a backup has no header");
    caller.abort();
    minutes(10).await;
    let header = read_header(&sql, FILE).await.unwrap().unwrap();
    assert_eq!(header.database, "CRM7");
    assert!(header.checksums);
    assert_eq!(sql.run(verify(FILE)).await, Ok(Vec::new()));
    assert_eq!(count(&world, |what| matches!(what, Happening::BackupTaken { .. })), 1);
    assert_eq!(host(&world, CS).file_content(FILE).await.unwrap().size_bytes, 24_576 * 1024 * 1024);
}

#[tokio::test(start_paused = true)]
async fn a_write_after_the_backup_moves_the_log_on() {
    let world = world();
    let cs = host(&world, CS);
    cs.set_service_state(SCHEDULER, RunState::Stopped).await.unwrap();
    let sql = sql(&world).await;
    sql.run(back_up("CRM7", FILE)).await.unwrap();
    let first = read_header(&sql, FILE).await.unwrap().unwrap();
    let statement = crm_database::superoffice::set_use_extension("CRM7", "fcgi");
    assert_eq!(sql.run(statement).await.unwrap()[0]["rows"], "1");
    sql.run(back_up("CRM7", FILE)).await.unwrap();
    assert_ne!(read_header(&sql, FILE).await.unwrap().unwrap().last_lsn, first.last_lsn);
    assert_eq!(count(&world, |what| *what == Happening::DatabaseWrite { by: "operator".to_owned() }), 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_share_ends_the_first_backup_with_3202_and_leaves_no_header() {
    let world = world();
    world.arm(WorldFault::DiskFullDuringBackup, None);
    let sql = sql(&world).await;
    let error = sql.run(back_up("CRM7", FILE)).await.unwrap_err();
    assert!(
        matches!(&error, DatabaseError::Refused { number: 3202, message } if message.contains("112(")),
        "{error:?}"
    );
    assert!(matches!(read_header(&sql, FILE).await, Err(DatabaseError::Refused { number: 3241, .. })));
    assert!(sql.run(back_up("CRM7", FILE)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_truncated_backup_keeps_its_header_but_fails_its_check() {
    let world = world();
    world.arm(WorldFault::BackupTruncated, None);
    let sql = sql(&world).await;
    sql.run(back_up("CRM7", FILE)).await.unwrap();
    assert!(read_header(&sql, FILE).await.unwrap().is_some());
    assert!(matches!(sql.run(verify(FILE)).await, Err(DatabaseError::Refused { number: 3189, .. })));
    assert_eq!(count(&world, |what| matches!(what, Happening::BackupTampered { .. })), 1);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_session_stays_until_a_person_ends_it() {
    let world = world();
    world.arm(WorldFault::ForeignSession, None);
    let sql = sql(&world).await;
    let hosts = async || {
        let facts = read(&sql, &site().spec, world.now()).await.unwrap();
        facts.sessions.iter().map(|session| session.host.clone()).collect::<Vec<_>>()
    };
    tokio::time::sleep(Duration::from_secs(36_000)).await;
    assert!(hosts().await.contains(&"REPORTSRV".to_owned()));
    world.end_foreign_session();
    assert!(!hosts().await.contains(&"REPORTSRV".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_backup_can_be_assumed_to_end_with_its_caller() {
    let mut scenario = super::scenario();
    scenario.spec.assumptions.backup_survives_caller = false;
    let world = super::world_of(&scenario);
    let sql = sql(&world).await;
    let caller = tokio::spawn(async move { sql.run(back_up("CRM7", FILE)).await });
    minutes(2).await;
    caller.abort();
    minutes(10).await;
    assert_eq!(count(&world, |what| matches!(what, Happening::BackupTaken { .. })), 0);
    assert_eq!(count(&world, |what| matches!(what, Happening::BackupFailed { .. })), 1);
}

//! Copies of what people go on adding to, and digests of what nobody may see.

use std::collections::BTreeMap;

use crm_api::order::Action;
use crm_api::probe::{Answer, Probe};
use crm_plan::carry_out::ActionStanding;
use crm_plan::hash::sha256;

use super::world::World;
use crate::{act, files, observe};

fn store() -> Action {
    Action::CopyStore { from: r"C:\store".to_owned(), to: r"D:\set\store".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_copied_store_stays_done_whatever_people_add_and_delete_afterwards() {
    let world = World::new(|inner| {
        for name in ["1", "2"] {
            inner.files.insert(format!(r"C:\store\{name}"), format!("attachment {name}"));
        }
    });
    assert!(matches!(files::standing(&*world, &store()).await, ActionStanding::NotDone(_)));
    act::act(&*world, &store()).await.unwrap();
    let done = |standing| matches!(standing, ActionStanding::Done(files) if files.len() == 1);
    assert!(done(files::standing(&*world, &store()).await));
    world.look().files.insert(r"C:\store\3".to_owned(), "attachment 3".to_owned());
    world.look().files.remove(r"C:\store\1");
    assert!(done(files::standing(&*world, &store()).await), "what people do in the store is theirs");
    let tree = Action::CopyTree { from: r"C:\store".to_owned(), to: r"D:\set\store".to_owned() };
    assert!(
        matches!(files::standing(&*world, &tree).await, ActionStanding::NotDone(_)),
        "a program folder is another matter"
    );
    world.look().files.remove(r"D:\set\store\2");
    assert!(matches!(files::standing(&*world, &store()).await, ActionStanding::NotDone(_)), "a torn copy is none");
}

/// A store of three files, of which people change something once the first one was copied.
async fn copied_while(
    people: impl FnOnce(&mut BTreeMap<String, String>) + Send + 'static,
) -> (Result<(), act::ActError>, BTreeMap<String, String>) {
    let world = World::new(|inner| {
        for name in ["1", "2", "3"] {
            inner.files.insert(format!(r"C:\store\{name}"), format!("attachment {name}"));
        }
        inner.meanwhile = Some(Box::new(|files, _| people(files)));
    });
    let ended = act::act(&*world, &store()).await;
    let files = world.look().files.clone();
    let copied =
        files.iter().filter_map(|(path, text)| Some((path.strip_prefix(r"D:\set\store\")?.to_owned(), text.clone())));
    (ended, copied.collect())
}

#[tokio::test(start_paused = true)]
async fn people_add_change_and_delete_while_a_store_is_copied() {
    let (ended, copied) = copied_while(|files| {
        files.insert(r"C:\store\4".to_owned(), "added".to_owned());
        files.insert(r"C:\store\1".to_owned(), "changed after it was copied".to_owned());
        files.insert(r"C:\store\2".to_owned(), "changed before it was copied".to_owned());
        files.remove(r"C:\store\3");
    })
    .await;
    ended.unwrap();
    assert_eq!(copied["1"], "attachment 1");
    assert_eq!(copied["2"], "changed before it was copied");
    assert!(!copied.contains_key("3") && !copied.contains_key("4"), "{copied:?}");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_still_in_the_store_and_not_in_the_copy_is_lost() {
    for changed in [false, true] {
        let (ended, _) = copied_while(move |files| {
            // Whoever has it open keeps it from being read.
            files.remove(r"D:\set\store\1");
            if changed {
                files.insert(r"C:\store\1".to_owned(), "changed meanwhile".to_owned());
            }
        })
        .await;
        assert!(matches!(ended, Err(act::ActError::CopyDiffers(_))), "changed: {changed}: {ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_neither_of_before_nor_of_after_is_torn() {
    let (ended, _) = copied_while(|files| {
        files.insert(r"D:\set\store\1".to_owned(), "half of it".to_owned());
        files.insert(r"C:\store\1".to_owned(), "changed meanwhile".to_owned());
    })
    .await;
    assert!(matches!(ended, Err(act::ActError::CopyDiffers(_))), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_told_by_its_salted_digest_only() {
    let xml = "<configuration><a><add key=\"Key\" value=\"hunter2\"/></a></configuration>";
    let world = World::new(|inner| {
        inner.files.insert(r"C:\web.config".to_owned(), xml.to_owned());
        inner.files.insert(r"C:\config".to_owned(), "Key = hunter2\r\nOther = 1\r\n".to_owned());
    });
    let probe = |path: &str, section: Option<&str>, key: &str| Probe::SecretDigest {
        path: path.to_owned(),
        section: section.map(str::to_owned),
        key: key.to_owned(),
        salt: "sql1/SALES".to_owned(),
    };
    let expected = Answer::Digest { sha256: sha256("sql1/SALES\nhunter2") };
    assert_eq!(observe::ask(&*world, &probe(r"C:\web.config", Some("a"), "Key")).await, expected);
    assert_eq!(observe::ask(&*world, &probe(r"C:\config", None, "Key")).await, expected);
    assert_eq!(observe::ask(&*world, &probe(r"C:\config", None, "Nothing")).await, Answer::Absent {});
    assert_eq!(observe::ask(&*world, &probe(r"C:\gone", None, "Key")).await, Answer::Absent {});
}

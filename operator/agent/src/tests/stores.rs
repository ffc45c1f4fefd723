//! Copies of what people go on adding to, and digests of what nobody may see.

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

//! Watches through `Api::watch`.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use kube::api::{DeleteParams, DynamicObject, PostParams, WatchEvent, WatchParams};
use serde_json::json;

use super::{World, gadget, merge, world};

type Events = BoxStream<'static, Result<WatchEvent<DynamicObject>, kube::Error>>;

async fn watch(world: &World, params: &WatchParams, version: &str) -> Events {
    world.gadgets_as("watcher").watch(params, version).await.unwrap().boxed()
}

/// The next event as `TYPE name`, `END`, or `nothing` when none is there.
async fn next(events: &mut Events) -> String {
    tokio::task::yield_now().await;
    let Some(event) = events.next().now_or_never() else {
        return "nothing".to_owned();
    };
    show(event)
}

fn show(event: Option<Result<WatchEvent<DynamicObject>, kube::Error>>) -> String {
    let with = |word: &str, object: DynamicObject| format!("{word} {}", object.metadata.name.unwrap());
    match event {
        None => "END".to_owned(),
        Some(Ok(WatchEvent::Added(object))) => with("ADDED", object),
        Some(Ok(WatchEvent::Modified(object))) => with("MODIFIED", object),
        Some(Ok(WatchEvent::Deleted(object))) => with("DELETED", object),
        Some(Ok(WatchEvent::Bookmark(bookmark))) => {
            format!("BOOKMARK {}", bookmark.metadata.resource_version)
        }
        Some(Ok(WatchEvent::Error(status))) => format!("ERROR {} {}", status.code, status.reason),
        Some(Err(error)) => format!("error {error}"),
    }
}

#[tokio::test]
async fn a_watch_tells_what_happens_after_its_version() {
    let world = world();
    world.create("a", json!({"size": 1})).await.unwrap();
    let from = world.cluster.resource_version().to_string();
    world.create("b", json!({"size": 1})).await.unwrap();
    let mut events = watch(&world, &WatchParams::default(), &from).await;
    assert_eq!(next(&mut events).await, "ADDED b");
    assert_eq!(next(&mut events).await, "nothing");
    merge(&world.gadgets(), "a", json!({"spec": {"size": 2}})).await.unwrap();
    world.gadgets().delete("b", &DeleteParams::default()).await.unwrap();
    assert_eq!(next(&mut events).await, "MODIFIED a");
    assert_eq!(next(&mut events).await, "DELETED b");
    assert_eq!(next(&mut events).await, "nothing");
}

#[tokio::test]
async fn without_a_version_the_present_comes_first() {
    let world = world();
    world.create("b", json!({"size": 1})).await.unwrap();
    world.create("a", json!({"size": 1})).await.unwrap();
    let mut events = watch(&world, &WatchParams::default(), "0").await;
    assert_eq!((next(&mut events).await, next(&mut events).await), ("ADDED a".to_owned(), "ADDED b".to_owned()));
    world.create("c", json!({"size": 1})).await.unwrap();
    assert_eq!(next(&mut events).await, "ADDED c");
}

#[tokio::test]
async fn a_selector_sees_objects_come_and_go() {
    let world = world();
    let mut object = gadget("a", json!({"size": 1}));
    object.metadata.labels = Some([("l".to_owned(), "x".to_owned())].into());
    world.gadgets().create(&PostParams::default(), &object).await.unwrap();
    world.create("b", json!({"size": 1})).await.unwrap();
    let mut labelled = watch(&world, &WatchParams::default().labels("l=x"), "0").await;
    let mut named = watch(&world, &WatchParams::default().fields("metadata.name=b"), "0").await;
    assert_eq!((next(&mut labelled).await, next(&mut named).await), ("ADDED a".to_owned(), "ADDED b".to_owned()));
    merge(&world.gadgets(), "a", json!({"metadata": {"labels": {"l": "y"}}})).await.unwrap();
    assert_eq!(next(&mut labelled).await, "DELETED a");
    merge(&world.gadgets(), "a", json!({"metadata": {"labels": {"l": "x"}}})).await.unwrap();
    assert_eq!(next(&mut labelled).await, "ADDED a");
    assert_eq!(next(&mut named).await, "nothing");
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_at_its_time_with_a_bookmark() {
    let world = world();
    let mut events = watch(&world, &WatchParams::default().timeout(10), "0").await;
    let begin = tokio::time::Instant::now();
    let last = show(events.next().await);
    assert_eq!(last, format!("BOOKMARK {}", world.cluster.resource_version()));
    assert_eq!(begin.elapsed().as_secs(), Duration::from_secs(10).as_secs());
    assert_eq!(show(events.next().await), "END");
    let mut plain = watch(&world, &WatchParams::default().timeout(10).disable_bookmarks(), "0").await;
    assert_eq!(show(plain.next().await), "END");
}

#[tokio::test]
async fn a_forgotten_version_is_gone() {
    let world = world();
    world.create("a", json!({"size": 1})).await.unwrap();
    let from = world.cluster.resource_version();
    world.create("b", json!({"size": 1})).await.unwrap();
    world.cluster.compact(from + 1);
    let mut events = watch(&world, &WatchParams::default(), &from.to_string()).await;
    assert_eq!(next(&mut events).await, "ERROR 410 Expired");
    assert_eq!(next(&mut events).await, "END");
    let mut fresh = watch(&world, &WatchParams::default(), &(from + 1).to_string()).await;
    assert_eq!(next(&mut fresh).await, "nothing");
}

#[tokio::test]
async fn broken_watches_end_and_can_be_resumed() {
    let world = world();
    let from = world.cluster.resource_version().to_string();
    let mut events = watch(&world, &WatchParams::default(), &from).await;
    world.cluster.break_watches();
    assert_eq!(next(&mut events).await, "END");
    world.create("a", json!({"size": 1})).await.unwrap();
    let mut events = watch(&world, &WatchParams::default(), &from).await;
    assert_eq!(next(&mut events).await, "ADDED a");
}

#[tokio::test]
async fn a_cache_can_fall_behind_and_catch_up() {
    let world = world();
    let mut events = watch(&world, &WatchParams::default(), "0").await;
    world.cluster.hold_watches("watcher");
    world.create("a", json!({"size": 1})).await.unwrap();
    assert_eq!(next(&mut events).await, "nothing");
    world.cluster.release_watches("watcher");
    assert_eq!(next(&mut events).await, "ADDED a");
}

#[tokio::test]
async fn streaming_lists_are_refused() {
    let world = world();
    let params = WatchParams::default().initial_events();
    let result = world.gadgets().watch(&params, "0").await.map(|_| ());
    assert_eq!(super::refusal(result).code, 422);
}

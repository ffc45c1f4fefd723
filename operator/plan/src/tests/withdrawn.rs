//! An order that is not wanted any more: its node says what became of it before it leaves the list.

use crm_api::order::{Order, OrderPhase, Outcome};

use super::fixture::Site;

const STEP: &str = "back-up-files@contoso-app";

/// A change whose order has been given.
fn given() -> Site {
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    site.turn();
    site.run_to(STEP);
    site.turn();
    let orders = orders(&mut site);
    assert!(orders.len() == 1 && orders[0].id.ends_with(STEP) && !orders[0].withdrawn, "{orders:?}");
    site
}

/// The same, taken back without an answer.
fn taken_back() -> Site {
    let mut site = given();
    site.wait(181);
    site.turn();
    assert!(site.status().backing_out.is_some());
    // The round in which it is decided still shows the order; the next one takes it back.
    site.turn();
    site
}

fn orders(site: &mut Site) -> Vec<Order> {
    site.node("contoso-app").node.spec.orders.clone()
}

fn marked(site: &mut Site) -> Vec<String> {
    orders(site).into_iter().filter(|order| order.withdrawn).map(|order| order.id).collect()
}

#[test]
fn an_order_without_an_answer_stays_marked_until_its_node_has_reported_on_it() {
    let mut site = taken_back();
    let [id] = marked(&mut site).try_into().unwrap();
    assert!(id.ends_with(STEP), "{id}");
    for _ in 0..3 {
        site.wait(1);
        site.turn();
        assert_eq!(marked(&mut site), std::slice::from_ref(&id));
    }
    site.end_order(Outcome::Absent);
    let results = &mut site.node("contoso-app").node.status.as_mut().unwrap().results;
    assert_eq!(results[0].id, id, "it comes first, since it may have been begun");
    results[0].phase = OrderPhase::Refused;
    site.turn();
    assert_eq!(marked(&mut site), Vec::<String>::new());
}

#[test]
fn an_answer_about_an_earlier_attempt_is_none() {
    let mut site = taken_back();
    let before = marked(&mut site);
    site.end_order(Outcome::Absent);
    site.node("contoso-app").node.status.as_mut().unwrap().results[0].attempt = 0;
    site.turn();
    assert_eq!((marked(&mut site), before.len()), (before, 1));
}

#[test]
fn an_order_that_was_reported_leaves_at_once() {
    let mut site = given();
    site.end_order(Outcome::Absent);
    let results = &mut site.node("contoso-app").node.status.as_mut().unwrap().results;
    (results[0].phase, results[0].outcome, results[0].ended_at) = (OrderPhase::Running, None, None);
    site.wait(181);
    site.turn();
    assert!(site.status().backing_out.is_some());
    assert_eq!(marked(&mut site), Vec::<String>::new());
}

//! Sites that share servers and databases: each keeps its own questions and orders, and changes take turns.

use crm_api::Time;
use crm_api::node::Asked;
use crm_api::probe::{Answer, Probe};
use crm_api::site::Component;

use super::fixture::{Site, after, saturday};
use crate::intent::{Intent, Standing};
use crate::snapshot::ForeignClaim;

const NODE: &str = "contoso-cs";

fn other_question() -> Probe {
    Probe::Service { name: "ejSchedule crm.fabrikam.example".to_owned() }
}

/// A site whose Service server carries a second site as well.
fn shared() -> Site {
    let mut site = Site::at_rest();
    let asked = Asked { site: "fabrikam".to_owned(), probes: vec![other_question()], attentive: true };
    site.node(NODE).node.spec.asked.push(asked);
    site
}

#[test]
fn the_questions_of_another_site_on_a_server_stay_through_a_whole_change() {
    let mut site = shared();
    site.declare("8.0 SR6");
    site.run_to("never");
    assert_eq!(site.status().phase, crm_api::change::ChangePhase::Succeeded, "{:?}", site.status().waiting);
    let spec = &site.node(NODE).node.spec;
    let other = spec.asked_by("fabrikam").expect("the other site still asks");
    assert_eq!((other.probes.clone(), other.attentive), (vec![other_question()], true));
    assert!(spec.asked_by("contoso").is_some_and(|own| !own.probes.contains(&other_question())));
}

#[test]
fn an_order_of_another_site_is_kept_and_does_not_hold_up_questions() {
    let mut site = shared();
    site.declare("8.0 SR6");
    site.run_to("stop-scheduler@contoso-cs");
    let mut foreign = site.node(NODE).node.spec.orders[0].clone();
    foreign.id = "fabrikam-000000/stop-scheduler@contoso-cs".to_owned();
    let own = site.node(NODE).node.spec.orders[0].id.clone();
    site.node(NODE).node.spec.orders.insert(0, foreign.clone());
    site.node(NODE).node.spec.asked.retain(|asked| asked.site == "fabrikam");
    site.turn();
    let spec = &site.node(NODE).node.spec;
    let ids: Vec<&str> = spec.orders.iter().map(|order| order.id.as_str()).collect();
    assert_eq!(ids, [foreign.id.as_str(), own.as_str()]);
    assert!(spec.asked_by("contoso").is_some(), "its questions are asked again");
}

#[test]
fn a_node_that_the_site_no_longer_names_is_asked_nothing_for_it_and_goes_on_for_the_other_site() {
    let mut site = Site::with_placement(&[
        (Component::CrmServer, &["contoso-app"]),
        (Component::Web, &["contoso-app"]),
        (Component::Service, &["contoso-cs", "contoso-cs2"]),
    ]);
    let asked = Asked { site: "fabrikam".to_owned(), probes: vec![other_question()], attentive: false };
    site.node("contoso-cs2").node.spec.asked.push(asked.clone());
    assert!(site.node("contoso-cs2").node.spec.asked_by("contoso").is_some());
    for placed in site.spec().components.iter_mut().filter(|placed| placed.name == Component::Service) {
        placed.nodes = vec!["contoso-cs".to_owned()];
    }
    // Somebody has uninstalled it there: as long as anything of the site is left, its node is looked at.
    for observation in &mut site.node("contoso-cs2").node.status.as_mut().unwrap().observations {
        observation.answer = Answer::Absent {};
    }
    site.turn();
    site.turn();
    assert_eq!(site.node("contoso-cs2").node.spec.asked, [asked], "its last questions are taken back");
    assert!(site.node("contoso-cs").node.spec.asked_by("contoso").is_some());
    assert_eq!(site.turn().intents.iter().filter(|one| matches!(one, Intent::InstructNode { .. })).count(), 0);
}

#[test]
fn facts_of_a_shared_server_count_only_once_this_sites_own_questions_are_answered() {
    let mut site = shared();
    site.node(NODE).node.spec.asked.retain(|asked| asked.site == "fabrikam");
    site.answer(NODE, &other_question(), Answer::Absent {});
    assert!(matches!(site.plan().standing, Standing::Observing { .. }), "{:?}", site.plan().standing);
}

#[test]
fn a_change_that_waits_for_a_claim_says_for_what_for_whom_and_its_place_in_line() {
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    site.turn();
    site.snapshot.changes[0].metadata.creation_timestamp = Some(Time::from(after(10)));
    let claim = |holder: &str, waits_since| ForeignClaim {
        claim: "node contoso-cs".to_owned(),
        holder: holder.to_owned(),
        waits_since,
    };
    site.snapshot.foreign_claims =
        vec![claim("crm/fabrikam", None), claim("crm/early", Some(saturday())), claim("crm/late", Some(after(20)))];
    let plan = site.turn();
    assert!(!plan.intents.iter().any(|intent| matches!(intent, Intent::RunTask { .. })));
    let waiting = site.status().waiting.clone().unwrap();
    assert_eq!(waiting.reason, "Claim");
    assert_eq!(waiting.message, "waits for node contoso-cs, held by a change of crm/fabrikam; 2nd in line");
    site.snapshot.foreign_claims.remove(0);
    site.turn();
    assert!(!site.status().claims_held.is_empty(), "free at last");
}

#[test]
fn edited_templates_of_several_service_servers_are_one_condition_that_names_each() {
    let mut site = Site::with_placement(&[
        (Component::CrmServer, &["contoso-app"]),
        (Component::Web, &["contoso-app"]),
        (Component::Service, &["contoso-cs", "contoso-cs2"]),
    ]);
    site.declare("8.0 SR6");
    site.run_to("start-scheduler@contoso-cs");
    let service = r"C:\SuperOffice\Customer Service";
    let folders = Probe::Folders { path: service.to_owned(), prefix: "templates_".to_owned() };
    for (node, kept, file) in [("contoso-cs", "templates_1", "index.html"), ("contoso-cs2", "templates_2", "faq.html")]
    {
        site.answer(node, &folders, Answer::Names { names: vec![kept.to_owned()] });
        let changed =
            Probe::ChangedFiles { path: format!(r"{service}\{kept}"), reference: format!(r"{service}\templates") };
        site.answer(node, &changed, Answer::Names { names: vec![file.to_owned()] });
    }
    site.run_to("never");
    site.turn();
    site.turn();
    let conditions = site.snapshot.site.status.clone().unwrap().conditions;
    let debt =
        crm_api::condition::find(&conditions, crate::products::superoffice::aftermath::CUSTOMER_CENTRE_MERGED).unwrap();
    for expected in
        ["templates_1 on contoso-cs, different are: index.html", "templates_2 on contoso-cs2, different are: faq.html"]
    {
        assert!(debt.message.contains(expected), "{}", debt.message);
    }
    site.say(crm_api::decision::Word::Attest, Some("customer-centre"));
    site.turn();
    let conditions = site.snapshot.site.status.clone().unwrap().conditions;
    let debt = crm_api::condition::find(&conditions, crate::products::superoffice::aftermath::CUSTOMER_CENTRE_MERGED);
    assert!(debt.is_none_or(|debt| debt.status != "False"), "attested");
}

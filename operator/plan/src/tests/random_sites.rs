//! Properties of every plan over random sites: topologies, releases to start from and to reach, settings, what other hands
//! have left. A plan obeys every rule, says why, has no step twice, ends at its goal; a refusal names a remedy.

use std::collections::BTreeSet;

use crm_api::change::CrmChangeSpec;
use crm_api::database::superoffice;
use crm_api::site::{Attachments, Component, FastCgi, Finding, NetServerMode, Product, WindowsClients};
use proptest::prelude::*;

use super::fixture::{OLD, Site, whole_catalogue};
use super::net_servers::uses_own_net_server;
use crate::intent::Standing;
use crate::products;

const NODES: [&str; 4] = ["node-a", "node-b", "node-c", "node-d"];
/// Releases to start from and to declare: within one hop of each other, several hops apart, older, skipped, unknown.
const RELEASES: [&str; 10] =
    ["7.0", "7.1", "7.5 SR2", "8.0", "8.0 SR6", "8.1 R02", "8.5 R15", "9.2 R12", "10.2.9", "6.1"];

#[derive(Clone, Debug)]
struct Sketch {
    server: &'static str,
    web: Vec<&'static str>,
    own: Vec<&'static str>,
    net_server: Option<NetServerMode>,
    uses_own: bool,
    address: bool,
    service: Vec<&'static str>,
    from: &'static str,
    to: &'static str,
    fast_cgi: Option<FastCgi>,
    attachments: Option<Attachments>,
    clients: Option<WindowsClients>,
    travellers: u8,
    behind: Option<usize>,
}

fn subset(least: usize) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(NODES.to_vec(), least..=3).prop_shuffle()
}

fn sketches() -> impl Strategy<Value = Sketch> {
    let places = (proptest::sample::select(NODES.to_vec()), subset(0), subset(0));
    let modes = vec![None, Some(NetServerMode::Shared), Some(NetServerMode::Own)];
    let own = proptest::option::weighted(0.4, subset(1));
    let net_servers = (own, proptest::sample::select(modes), any::<bool>(), any::<bool>());
    let releases = (proptest::sample::select(RELEASES.to_vec()), proptest::sample::select(RELEASES.to_vec()));
    let settings = (
        proptest::sample::select(vec![None, Some(FastCgi::Enabled), Some(FastCgi::Disabled)]),
        proptest::sample::select(vec![
            None,
            Some(Attachments::Deferred),
            Some(Attachments::DuringUpgrade),
            Some(Attachments::WhileOpen),
        ]),
        proptest::sample::select(vec![None, Some(WindowsClients::Kept), Some(WindowsClients::NotKept)]),
    );
    let hindrances = (0..8_u8, proptest::option::weighted(0.3, 0..3_usize));
    (places, net_servers, releases, settings, hindrances).prop_map(
        |(
            (server, web, service),
            (own, net_server, uses_own, address),
            (from, to),
            (fast_cgi, attachments, clients),
            (travellers, behind),
        )| Sketch {
            server,
            web,
            // Own is declared with a component only: the definition sees to that.
            net_server: net_server.filter(|mode| own.is_some() || *mode == NetServerMode::Shared),
            uses_own: uses_own && own.is_some(),
            own: own.unwrap_or_default(),
            address,
            service,
            from,
            to,
            fast_cgi,
            attachments,
            clients,
            travellers: travellers.saturating_sub(6),
            behind,
        },
    )
}

fn number(release: &str) -> Option<String> {
    let releases = whole_catalogue();
    releases.iter().find(|known| known.spec.is_called(release)).map(|known| known.spec.number.clone())
}

/// A site as it is sketched, at rest at its release, with another one declared.
fn site(sketch: &Sketch) -> Site {
    let mut placed: Vec<(Component, &[&str])> = vec![(Component::CrmServer, std::slice::from_ref(&sketch.server))];
    if !sketch.web.is_empty() {
        placed.push((Component::Web, &sketch.web));
    }
    if !sketch.own.is_empty() {
        placed.push((Component::NetServer, &sketch.own));
    }
    if !sketch.service.is_empty() {
        placed.push((Component::Service, &sketch.service));
    }
    let mut site = Site::with_placement(&placed);
    site.snapshot.releases = whole_catalogue();
    let block = site.spec().super_office.as_mut().unwrap();
    block.net_server = sketch.net_server;
    block.net_server_address = sketch.address.then(|| "http://node-a/sales".to_owned());
    if sketch.uses_own {
        for node in &sketch.service {
            uses_own_net_server(&mut site, node, sketch.own[0]);
        }
    }
    site.turn();
    site.spec().fast_cgi = sketch.fast_cgi;
    let block = site.spec().super_office.as_mut().unwrap();
    (block.attachments, block.windows_clients) = (sketch.attachments, sketch.clients);
    let from = number(sketch.from).unwrap_or_else(|| OLD.to_owned());
    site.snapshot.site.status.as_mut().unwrap().verified = None;
    site.move_to(&from);
    site.fact(superoffice::TRAVELLERS_OUT, Some(&sketch.travellers.to_string()));
    let older = [superoffice::DATABASE_VERSION, superoffice::SERVER_SETUP_VERSION, superoffice::SERVICE_VERSION];
    if let Some(name) = sketch.behind.and_then(|place| older.get(place)) {
        site.fact(name, Some(OLD));
    }
    site.declare(sketch.to);
    site
}

fn is_sound(change: &CrmChangeSpec) -> Result<(), TestCaseError> {
    let kind = |id: &str| id.split('@').next().unwrap_or_default().to_owned();
    for rule in products::of(Product::SuperOffice).rules(change.purpose) {
        let last_before = change.steps.iter().rposition(|step| kind(&step.id) == rule.before);
        let first_after = change.steps.iter().position(|step| kind(&step.id) == rule.after);
        if let (Some(before), Some(after)) = (last_before, first_after) {
            prop_assert!(before < after, "{}: {} must come before {}", rule.name, rule.before, rule.after);
        }
    }
    let mut ids = BTreeSet::new();
    for (place, step) in change.steps.iter().enumerate() {
        prop_assert!(ids.insert(&step.id), "{} is there twice", step.id);
        prop_assert!(!step.why.is_empty() && !step.rules.is_empty(), "{} says no reason", step.id);
        for before in &step.after {
            prop_assert!(change.steps[..place].iter().any(|earlier| earlier.id == *before));
        }
    }
    Ok(())
}

fn say_what_to_do(findings: &[Finding]) -> Result<(), TestCaseError> {
    prop_assert!(!findings.is_empty(), "a refusal without a reason");
    for finding in findings {
        prop_assert!(!finding.message.is_empty() && !finding.remedy.is_empty(), "{}: no remedy", finding.check);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_site_is_its_plan_is_sound_and_a_refusal_names_a_remedy(sketch in sketches()) {
        let site = site(&sketch);
        match site.plan().standing {
            Standing::Proposed { change, .. } => is_sound(&change)?,
            Standing::Refused { findings } => say_what_to_do(&findings)?,
            Standing::HalfDone { found } => {
                say_what_to_do(&found.findings())?;
                for plan in [&found.forward, &found.back].into_iter().flatten() {
                    is_sound(plan)?;
                }
                for why in [&found.forward, &found.back].into_iter().filter_map(|way| way.as_ref().err()) {
                    prop_assert!(!why.is_empty());
                }
            }
            Standing::Settled => prop_assert_eq!(number(sketch.from).or(Some(OLD.to_owned())), number(sketch.to)),
            Standing::Observing { missing } => prop_assert!(missing.iter().all(|text| !text.is_empty())),
            other => prop_assert!(false, "nothing is under way: {other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_that_is_carried_out_ends_at_its_goal(sketch in sketches()) {
        let mut site = site(&sketch);
        let goal = match site.plan().standing {
            Standing::Proposed { change, .. } => change,
            Standing::HalfDone { found } => match found.forward {
                Ok(plan) => {
                    site.say_of(&plan.plan_hash, crm_api::decision::Word::Forward);
                    plan
                }
                Err(_) => return Ok(()),
            },
            _ => return Ok(()),
        };
        site.turn();
        site.run_to("never");
        let first = site.snapshot.changes.first().unwrap();
        prop_assert_eq!(&first.spec.plan_hash, &goal.plan_hash);
        let phase = first.status.as_ref().map(|status| status.phase);
        prop_assert_eq!(phase, Some(crm_api::change::ChangePhase::Succeeded), "{:?}", first.status);
        prop_assert_eq!(&first.spec.to, &goal.to);
    }
}

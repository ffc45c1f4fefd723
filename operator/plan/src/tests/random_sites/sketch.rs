//! A random site: what is declared, what stands around it, and the snapshot of both.

use crm_api::database::{SQL_SERVER_VERSION, superoffice};
use crm_api::probe::{Answer, Probe, RunState, StartType};
use crm_api::site::{
    Attachments, Component, FastCgi, NetServerMode, PocketServerSpec, PocketServerThen, ReverseProxy, TextMoveChoice,
    WindowsClients,
};
use proptest::prelude::*;

use super::super::fixture::{OLD, Site, whole_catalogue};
use super::super::instances::{KEY, OTHER, OWN, registered};
use super::super::net_servers::uses_own_net_server;
use super::super::paths::ask;

const NODES: [&str; 4] = ["node-a", "node-b", "node-c", "node-d"];
/// Releases to start from and to declare: within one hop of each other, several hops apart, older, skipped, unknown.
const RELEASES: [&str; 12] =
    ["7.0", "7.1", "7.5 SR2", "8.0", "8.0 SR6", "8.1 R02", "8.5 R15", "9.2 R12", "10.2.9", "10.5.4", "11.13", "6.1"];
/// Releases from which on browsers need HTTPS (vendor: from 10.2.5).
pub(super) const OVER_HTTPS: [&str; 3] = ["10.2.9", "10.5.4", "11.13"];
/// Releases from which on `upgrade.exe` asks for the keys (vendor: from 8.4 R04).
pub(super) const WITH_KEYS: [&str; 5] = ["8.5 R15", "9.2 R12", "10.2.9", "10.5.4", "11.13"];

/// What a site's surroundings are like, beside what is declared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings {
    /// Windows, .NET and SQL Server that the newest releases support, and the file of CrmSetup's arguments.
    pub(super) modern: bool,
    pub(super) https: bool,
    /// Web works through a NetServer on another server.
    pub(super) remote: bool,
    /// What an agent tells of the key in Service's `config`: there, not there, unreadable.
    pub(super) key: Option<bool>,
    pub(super) proxy: Option<ReverseProxy>,
    /// Another customer's Service instance on the same servers.
    pub(super) neighbour: bool,
    pub(super) pocket: Option<PocketServerThen>,
}

#[derive(Clone, Debug)]
pub(super) struct Sketch {
    pub(super) server: &'static str,
    pub(super) web: Vec<&'static str>,
    pub(super) own: Vec<&'static str>,
    pub(super) net_server: Option<NetServerMode>,
    pub(super) uses_own: bool,
    pub(super) address: bool,
    pub(super) service: Vec<&'static str>,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) fast_cgi: Option<FastCgi>,
    pub(super) attachments: Option<Attachments>,
    pub(super) clients: Option<WindowsClients>,
    pub(super) travellers: u8,
    pub(super) behind: Option<usize>,
    pub(super) around: Surroundings,
}

fn surroundings() -> impl Strategy<Value = Surroundings> {
    let then = vec![None, Some(PocketServerThen::Keep), Some(PocketServerThen::RedirectThenRemove)];
    let mostly = || proptest::bool::weighted(0.9);
    (
        (mostly(), mostly(), mostly()),
        proptest::sample::select(vec![Some(true), Some(true), Some(false), None]),
        proptest::sample::select(vec![None, Some(ReverseProxy::External), Some(ReverseProxy::External)]),
        proptest::bool::weighted(0.2),
        proptest::sample::select(then),
    )
        .prop_map(|((modern, https, local), key, proxy, neighbour, pocket)| Surroundings {
            modern,
            https,
            remote: !local,
            key,
            proxy,
            neighbour,
            pocket,
        })
}

fn subset(least: usize) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(NODES.to_vec(), least..=3).prop_shuffle()
}

pub(super) fn sketches() -> impl Strategy<Value = Sketch> {
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
    (places, net_servers, releases, settings, hindrances, surroundings()).prop_map(
        |(
            (server, web, service),
            (own, net_server, uses_own, address),
            (from, to),
            (fast_cgi, attachments, clients),
            (travellers, behind),
            around,
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
            around,
        },
    )
}

pub(super) fn number(release: &str) -> Option<String> {
    let releases = whole_catalogue();
    releases.iter().find(|known| known.spec.is_called(release)).map(|known| known.spec.number.clone())
}

/// A site as it is sketched, at rest at its release, with another one declared.
pub(super) fn site(sketch: &Sketch) -> Site {
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
    surround(&mut site, sketch);
    ask(&mut site, sketch.to);
    answer_what_was_asked(&mut site, sketch);
    site
}

/// What is there before anybody declares another version.
fn surround(site: &mut Site, sketch: &Sketch) {
    let around = sketch.around;
    let nodes: Vec<String> = site.snapshot.nodes.iter().filter_map(|view| view.node.metadata.name.clone()).collect();
    site.spec().windows = None;
    let block = site.spec().super_office.as_mut().unwrap();
    block.text_move = Some(TextMoveChoice::Skipped);
    block.reverse_proxy = around.proxy;
    block.pocket_server = around.pocket.map(|then| PocketServerSpec {
        then,
        net_server: Some("https://crm.contoso.example/netserver/".to_owned()),
        ..PocketServerSpec::default()
    });
    if around.modern {
        block.argument_file = Some(r"C:\ProgramData\CrmSetup\CRMSetupUpgrade.txt".to_owned());
        for node in &nodes {
            site.machine(node, |machine| {
                (machine.windows, machine.dot_net) = ("Windows Server 2019".to_owned(), Some("4.8".to_owned()));
            });
        }
        site.fact(SQL_SERVER_VERSION, Some("15.0.4430"));
    }
    if around.neighbour {
        for node in &sketch.service {
            let both = registered(&[("crm.adatum.example", OTHER), ("crm.contoso.example", OWN)]);
            site.answer(node, &Probe::RegistrySubkeys { key: KEY.to_owned() }, both);
        }
    }
    if around.pocket.is_some() {
        let running = Answer::Service { state: RunState::Running, start: StartType::Automatic };
        site.answer(sketch.server, &Probe::Service { name: "PocketCRM".to_owned() }, running);
    }
}

fn answer_what_was_asked(site: &mut Site, sketch: &Sketch) {
    let around = sketch.around;
    let asked = |site: &Site, wanted: &dyn Fn(&Probe) -> bool| -> Vec<(String, Probe)> {
        let nodes = site.snapshot.nodes.iter();
        nodes
            .flat_map(|view| {
                let name = view.node.metadata.name.clone().unwrap_or_default();
                let probes = view.node.spec.asked.iter().flat_map(|asked| asked.probes.clone());
                probes.map(move |probe| (name.clone(), probe)).collect::<Vec<_>>()
            })
            .filter(|(_, probe)| wanted(probe))
            .collect()
    };
    let mut say = |wanted: &dyn Fn(&Probe) -> bool, answer: Answer| {
        for (node, probe) in asked(site, wanted) {
            site.answer(&node, &probe, answer.clone());
        }
    };
    if !around.https {
        say(&|probe| matches!(probe, Probe::Url { url } if url.starts_with("https://")), Answer::Url { status: 0 });
    }
    if around.remote {
        let is_mode = |probe: &Probe| matches!(probe, Probe::XmlValue { key, .. } if key == "DefaultMode");
        say(&is_mode, Answer::Value { value: "Remote".to_owned() });
    }
    let key = match around.key {
        Some(set) => Answer::Flag { set },
        None => Answer::Unreadable { reason: "access denied".to_owned() },
    };
    say(&|probe| matches!(probe, Probe::Word { word, .. } if word == "SymmetricKey"), key);
}

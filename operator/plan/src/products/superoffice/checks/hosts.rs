//! Checks of the hosts at which browsers reach Web and Service: one from 8.1 on, and nowhere else another than today.

use crm_api::database::superoffice::CGI_URL;
use crm_api::probe::{Answer, Probe};
use crm_api::release::Package;
use crm_api::site::Component;

use super::{Found, LOOK_AGAIN, on, site};
use crate::products::Hop;
use crate::products::superoffice::layout::{INSTANCES_KEY, Layout};
use crate::products::superoffice::net_server;
use crate::products::superoffice::one_host::{self, Moving, Way};
use crate::view::View;

/// From 8.1 only Sales authenticates, so browsers must see Web and Service on one domain (vendor: upgrade to 8.1).
pub(super) fn one_domain(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    if !one_host::demands_one(hop.to) {
        return Vec::new();
    }
    let service = &layout.block.host_name;
    if let Some(web) = layout.block.web.host_name.as_deref().filter(|web| web != service) {
        return vec![site(
            format!("{} needs Web and Service on one domain; Web is at {web}, Service at {service}", hop.to.version),
            format!(
                "three ways: move Web to {service} (least work), move Service to {web}, or move both to a new host; declare the one host in superOffice.hostName together with this version and take superOffice.web.hostName away, and the change moves them"
            ),
        )];
    }
    if !one_host::enters(hop.from, hop.to) || view.nodes_of(Component::Service).is_empty() {
        return Vec::new();
    }
    if view.fact(CGI_URL).is_none() {
        return vec![site("the address at which Service is reached today (config.cgi_url) was not read", LOOK_AGAIN)];
    }
    if layout.is_proxied() || needs_proxy(view) {
        return Vec::new();
    }
    let mut found: Vec<Found> = sites_read(view, layout);
    if let Some(moving) = Moving::of(view, layout, hop).filter(|_| found.is_empty()) {
        found.extend(installers(layout, hop, &moving));
        found.extend(place(view, layout, hop, &moving));
    }
    found
}

/// Web and Service on one host are one IIS site or two; which, IIS has to tell.
fn sites_read(view: &View<'_>, layout: &Layout<'_>) -> Vec<Found> {
    view.nodes_of(Component::Web)
        .iter()
        .filter_map(|node| match view.answer(node, &one_host::web_sites(layout)) {
            Some(Answer::Names { names }) if names.len() == 1 => None,
            Some(Answer::Names { names }) => Some(on(
                node,
                format!(
                    "IIS sites that serve {}: {}",
                    layout.web_path,
                    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
                ),
                "let exactly one IIS site serve Web, so that it can be told what has to move",
            )),
            _ => Some(on(node, "the IIS sites that serve Web were not read", LOOK_AGAIN)),
        })
        .collect()
}

/// A move installs again what stands already: the release says how a component is installed where it is missing.
fn installers(layout: &Layout<'_>, hop: &Hop<'_>, moving: &Moving) -> Vec<Found> {
    let host = &layout.block.host_name;
    let lacks = |component| hop.to.package(component).is_some_and(|package: &Package| package.install.is_none());
    let installed = [(Component::Web, moving.web), (Component::Service, moving.new_instance)];
    installed
        .into_iter()
        .filter(|(component, moves)| *moves && lacks(*component))
        .map(|(component, _)| {
            let name = component.name();
            site(
                format!(
                    "{name} moves to {host}, and release {} does not say how it is installed there",
                    hop.to.version
                ),
                format!("add install to the package of {name} in the CrmRelease"),
            )
        })
        .collect()
}

/// The place to which Service moves is declared, and is another one than today's.
fn place(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>, moving: &Moving) -> Vec<Found> {
    let (service, host) = (&layout.block.service, &layout.block.host_name);
    let mut found = Vec::new();
    if (moving.new_instance || moving.net_server.is_some()) && !net_server::moves(view, layout, hop).is_empty() {
        found.push(site(
            format!(
                "Web or Service moves to {host}, and Service to another NetServer: that is too much for one change"
            ),
            "leave superOffice.netServer out until both are on one host; then declare it with the next upgrade",
        ));
    }
    if moving.new_instance && !one_host::has_new_folder(layout) {
        found.push(site(
            format!("Service moves to {host}, and superOffice.service.path is the folder of the instance at {}", moving.from),
            "declare another folder in superOffice.service.path: the vendor's installer sets up a new instance there, and the former one is kept",
        ));
    }
    match moving.way {
        Way::ServiceHost => {}
        Way::WebHost => {
            if service.application.as_deref().is_none_or(|path| path == "/") {
                found.push(site(
                    format!("Service moves to {host}, and the root of that IIS site belongs to Web"),
                    "declare the application below it in superOffice.service.application, for example /service",
                ));
            }
        }
        Way::NewHost => {
            let taken = [Some(layout.site.as_str()), moving.web_site.as_deref()];
            match service.iis_site.as_deref() {
                Some(name) if !taken.contains(&Some(name)) => {}
                _ => found.push(site(
                    format!("Web and Service move to {host}, and superOffice.service.iisSite names no new IIS site"),
                    "declare its name: the installer of Service makes it, and Web is installed on it",
                )),
            }
            found.extend(view.nodes_of(Component::Service).iter().filter_map(|node| {
                match view.answer(node, &one_host::at_host(layout)) {
                    Some(Answer::Url { status }) if *status > 0 => None,
                    Some(Answer::Url { .. } | Answer::Absent {}) => Some(on(
                        node,
                        format!("no web server answers at http://{host}/"),
                        format!("create the DNS record of {host}, so that it leads to this server"),
                    )),
                    _ => Some(on(node, format!("http://{host}/ was not asked yet"), LOOK_AGAIN)),
                }
            }));
        }
    }
    found
}

/// Whether Web and Service are on different servers.
fn needs_proxy(view: &View<'_>) -> bool {
    let sorted = |component| {
        let mut nodes: Vec<&String> = view.nodes_of(component).iter().collect();
        nodes.sort_unstable();
        nodes
    };
    sorted(Component::Web) != sorted(Component::Service)
}

/// On different servers they are on one host by a reverse proxy only (vendor: upgrade to 8.1; install/iis/reverse-proxy).
pub(super) fn reverse_proxy(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    if !one_host::enters(hop.from, hop.to) || view.nodes_of(Component::Service).is_empty() {
        return Vec::new();
    }
    let host = &layout.block.host_name;
    if !layout.is_proxied() {
        let message = format!(
            "Web is on {}, Service on {}: behind the one host {host} they need a reverse proxy, and none is declared",
            view.nodes_of(Component::Web).join(" and "),
            view.nodes_of(Component::Service).join(" and ")
        );
        let remedy = format!(
            "set one up for {host} (vendor: install/iis/reverse-proxy) and declare it in superOffice.reverseProxy; or place both on the same server"
        );
        return if needs_proxy(view) { vec![site(message, remedy)] } else { Vec::new() };
    }
    let mut found = Vec::new();
    for node in view.nodes_of(Component::Service) {
        for (name, probe) in [("Web", one_host::web_at_host(layout)), ("Service", one_host::service_at_host(layout))] {
            found.extend(leads_to(view, node, name, &probe));
        }
        found.extend(external_key(view, layout, node));
    }
    for node in view.nodes_of(Component::Web) {
        found.extend(overridden(view, layout, node));
    }
    found
}

fn leads_to(view: &View<'_>, node: &str, name: &str, probe: &Probe) -> Option<Found> {
    let Probe::Url { url } = probe else { return None };
    let answer = view.answer(node, probe);
    match one_host::answers(answer) {
        Some(true) => None,
        Some(false) => Some(on(
            node,
            format!("{url} does not lead to {name}"),
            format!("add the rule that sends it to the server of {name} to the reverse proxy"),
        )),
        None if matches!(answer, Some(Answer::Absent {} | Answer::Unreadable { .. })) => {
            Some(on(node, format!("{url} could not be asked"), LOOK_AGAIN))
        }
        None => Some(on(node, format!("{url} was not asked yet"), LOOK_AGAIN)),
    }
}

/// `upgrade.exe` fails late where the external host has no sub-key (rule 17; vendor: install/iis/reverse-proxy).
fn external_key(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<Found> {
    let host = &layout.block.host_name;
    let Some(Answer::Subkeys { subkeys }) =
        view.answer(node, &Probe::RegistrySubkeys { key: INSTANCES_KEY.to_owned() })
    else {
        // Another check says so.
        return None;
    };
    let find = |name: &str| subkeys.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, values)| values);
    let (own, external) = (find(&layout.host), find(host));
    if own.is_none() || external == own {
        return None;
    }
    let id = own.and_then(|values| values.get("instanceId")).map_or("that of the instance", String::as_str);
    Some(on(
        node,
        format!(
            "the registry has no sub-key {host} with the values of {}, and upgrade.exe would fail at its end",
            layout.host
        ),
        format!(r"add {INSTANCES_KEY}\{host} with basePath {} and instanceId {id}", layout.service_path),
    ))
}

/// Web does not know the address at which browsers reach it through a proxy, unless its configuration says so.
fn overridden(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<Found> {
    let host = &layout.block.host_name;
    let mut lacking = Vec::new();
    for probe in one_host::overrides(layout) {
        let Probe::XmlValue { key, .. } = &probe else { continue };
        match view.answer(node, &probe) {
            Some(Answer::Value { value }) if key != "UrlHostOverride" || value.eq_ignore_ascii_case(host) => {}
            Some(Answer::Value { .. } | Answer::Absent {}) => lacking.push(key.clone()),
            Some(Answer::Unreadable { reason }) => {
                return Some(on(node, format!("{key} in web.config of Web was not read: {reason}"), LOOK_AGAIN));
            }
            _ => return Some(on(node, format!("{key} in web.config of Web was not asked for yet"), LOOK_AGAIN)),
        }
    }
    (!lacking.is_empty()).then(|| {
        on(
            node,
            format!("web.config of Web does not name {host} as the address behind the proxy: {} are not so", lacking.join(", ")),
            format!("set UrlHostOverride to {host}, UrlSchemeOverride and UrlPortOverride in the section SuperOffice/Client of web.config"),
        )
    })
}

/// A host name changes on the way to 8.1 only; everywhere else links, mailings and preferences would go on naming the old
/// one (vendor: upgrade to 8.1, move-crm-server).
pub(super) fn host_name(view: &View<'_>, layout: &Layout<'_>, _: &Hop<'_>) -> Vec<Found> {
    let wanted = &layout.block.host_name;
    if layout.host.eq_ignore_ascii_case(wanted) || one_host::lies_ahead(view) {
        return Vec::new();
    }
    vec![site(
        format!(
            "spec.superOffice.hostName: Service in {} is set up for {}, and {wanted} is declared; tracked links in mails that were sent hold the old host and break for good, and addresses, paths and keys of the old host stand in database, registry and configuration (vendor: upgrade to 8.1, move-crm-server)",
            layout.service_path, layout.host
        ),
        format!(
            "declare {} again; a Service that has to move is moved by the change to 8.1 or later, with which the new host is declared, or by the vendor's guide first, and the new host declared afterwards",
            layout.host
        ),
    )]
}

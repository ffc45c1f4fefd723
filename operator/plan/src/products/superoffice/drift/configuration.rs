//! Keys and addresses in configuration files and in the database that no longer fit each other, or the declaration.

use std::collections::BTreeMap;

use crm_api::database::superoffice::{CGI_URL, DATABASE_VERSION, WWW_PATH};
use crm_api::probe::{Answer, Probe};
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Component, DriftClass, Finding};

use super::finding;
use crate::products::superoffice::address::host_of;
use crate::products::superoffice::layout::Layout;
use crate::view::View;

/// Keys that must be the same in all `web.config` files and in Service's `config`, or logins between them and triggers
/// fail (vendor: install/service, from 8.4 R04).
pub const KEYS: [&str; 2] = ["SymmetricKey", "SymmetricSecret"];

/// The questions about the keys of a component on a node: their digests only.
#[must_use]
pub fn key_probes(view: &View<'_>, layout: &Layout<'_>, component: Component) -> Vec<Probe> {
    let (path, section) = match component {
        Component::Web => {
            (format!(r"{}\web.config", layout.web_path), Some("SuperOffice/Security/Cryptography".to_owned()))
        }
        Component::Service => (layout.config(), None),
        _ => return Vec::new(),
    };
    let database = &view.spec.database;
    // A site is its database: digests of another site's keys are never the same as these.
    let salt = format!("{}/{}", database.server, database.name);
    KEYS.into_iter()
        .map(|key| Probe::SecretDigest {
            path: path.clone(),
            section: section.clone(),
            key: key.to_owned(),
            salt: salt.clone(),
        })
        .collect()
}

/// Keys that differ between two places. A place that has none, or whose section is encrypted, is compared with nothing.
pub(super) fn keys(view: &View<'_>, layout: &Layout<'_>) -> Option<Finding> {
    let mut places: BTreeMap<&str, Vec<(String, &str)>> = BTreeMap::new();
    for component in [Component::Web, Component::Service] {
        for node in view.nodes_of(component) {
            for (key, probe) in KEYS.into_iter().zip(key_probes(view, layout, component)) {
                if let Some(Answer::Digest { sha256 }) = view.answer(node, &probe) {
                    let place = format!("{} on {node}", component.name());
                    places.entry(key).or_default().push((place, sha256));
                }
            }
        }
    }
    let unequal: Vec<String> = places
        .iter()
        .filter_map(|(key, found)| {
            let (first, digest) = found.first()?;
            let others: Vec<&str> =
                found.iter().filter(|(_, other)| other != digest).map(|(place, _)| place.as_str()).collect();
            (!others.is_empty()).then(|| format!("{key} of {first} is another one than that of {}", others.join(", ")))
        })
        .collect();
    (!unequal.is_empty()).then(|| {
        finding(
            "SymmetricKeysEqual",
            DriftClass::Keys,
            None,
            unequal.join("; "),
            "write the key and secret of Web's web.config into every other web.config and into Service's config, then flush the caches",
        )
    })
}

/// Service writes this address into the links that it sends (vendor: database tables, config).
pub(super) fn address(view: &View<'_>, layout: &Layout<'_>) -> Option<Finding> {
    let url = view.fact(CGI_URL)?;
    let host = host_of(url)?;
    let declared = &layout.block.host_name;
    // A host that was edited is moved by a change, or refused with another remedy: the site itself has not moved.
    (layout.stands_as_declared() && !host.eq_ignore_ascii_case(declared)).then(|| {
        finding(
            "ServiceAddress",
            DriftClass::Address,
            None,
            format!("Service's own address is {url} (config.cgi_url), declared is the host {declared}"),
            "correct the address in Service's system settings, or declare superOffice.hostName as it is",
        )
    })
}

/// A wrong path gives pages without images (vendor: install/service, manual-steps).
pub(super) fn sub_path(view: &View<'_>, layout: &Layout<'_>) -> Option<Finding> {
    let declared = layout.block.service.application.as_deref().filter(|_| layout.stands_as_declared())?;
    let seen = view.fact(WWW_PATH)?;
    let plain = |path: &str| path.trim_matches('/').to_lowercase();
    (plain(seen) != plain(declared)).then(|| {
        finding(
            "ServicePath",
            DriftClass::Address,
            None,
            format!("pages of Service look for their images below {seen} (registry row 109), declared is {declared}"),
            "set the row to the declared path with slashes around it and flush the caches, or declare superOffice.service.application as it is",
        )
    })
}

/// Whether the keys are worth asking for: at the release that the site is at, or the one that it shall be at.
#[must_use]
pub fn has_keys(view: &View<'_>) -> bool {
    let declared = view.catalogue.find(&view.spec.version);
    let at = view.fact(DATABASE_VERSION);
    let at = at.and_then(|number| view.catalogue.by_number(number));
    let asks = |release: &CrmReleaseSpec| release.super_office.as_ref().is_some_and(|block| block.asks_for_keys);
    [declared, at].into_iter().flatten().any(asks)
}

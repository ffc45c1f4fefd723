//! Checks of room: on the servers, and where backup sets go.

use crm_api::probe::{Answer, Probe};
use crm_api::site::Component;

use super::{Found, LOOK_AGAIN, on, site};
use crate::products::Hop;
use crate::products::superoffice::layout::Layout;
use crate::view::View;

pub(super) fn disk_room(view: &View<'_>, _: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let Some(needed) = hop.to.requires.free_disk_mebibytes else { return Vec::new() };
    let needed_bytes = i64::from(needed).saturating_mul(1024 * 1024);
    let probe = Probe::DiskFree { path: r"C:\".to_owned() };
    view.node_names()
        .into_iter()
        .filter_map(|node| match view.answer(node, &probe) {
            Some(Answer::DiskFree { free_bytes }) if *free_bytes >= needed_bytes => None,
            Some(Answer::DiskFree { free_bytes }) => Some(on(
                node,
                format!("drive C: has {} MiB free, {needed} MiB are needed", free_bytes / (1024 * 1024)),
                "make room on drive C:",
            )),
            _ => Some(on(node, "free room on drive C: was not read", LOOK_AGAIN)),
        })
        .collect()
}

/// The set needs room for the database and every program folder; compression is not counted on.
pub(super) fn backup_room(view: &View<'_>, layout: &Layout<'_>, _: &Hop<'_>) -> Vec<Found> {
    let share = Probe::DiskFree { path: view.spec.backup.location.clone() };
    let folder = |component, path: &str| -> i64 {
        view.nodes_of(component)
            .iter()
            .map(|node| match view.answer(node, &Probe::FolderSize { path: path.to_owned() }) {
                Some(Answer::Size { size_bytes, .. }) => *size_bytes,
                _ => 0,
            })
            .sum()
    };
    let database = view.fact(crm_api::database::DATABASE_BYTES).and_then(|value| value.parse::<i64>().ok());
    let Some(database) = database else {
        return vec![site("the size of the database was not read", LOOK_AGAIN)];
    };
    let needed = database
        .saturating_add(folder(Component::CrmServer, layout.server_path))
        .saturating_add(folder(Component::Web, layout.web_path))
        .saturating_add(folder(Component::NetServer, layout.net_server_path))
        .saturating_add(folder(Component::Service, layout.service_path));
    view.node_names()
        .into_iter()
        .filter_map(|node| match view.answer(node, &share) {
            Some(Answer::DiskFree { free_bytes }) if *free_bytes >= needed => None,
            Some(Answer::DiskFree { free_bytes }) => Some(on(
                node,
                format!(
                    "{} has {} MiB free, the backup set needs about {} MiB",
                    view.spec.backup.location,
                    free_bytes / (1024 * 1024),
                    needed / (1024 * 1024)
                ),
                "make room there, or name another place in spec.backup.location",
            )),
            _ => Some(on(
                node,
                format!("{} cannot be reached", view.spec.backup.location),
                "give this server's account the right to write there",
            )),
        })
        .collect()
}

//! The backup set: everything that one moment of the site needs to come back.

use crm_api::change::{Executor, Gate, StepRole, Task};
use crm_api::database::superoffice::ATTACHMENT_PATH;
use crm_api::order::Action;
use crm_api::site::{Component, RestoreTest, Verification};

use super::{Draft, attested, controller, draft, kind};
use crate::products::Hop;
use crate::products::superoffice::instances;
use crate::products::superoffice::layout::{CRM_SETUP, Layout};
use crate::products::superoffice::parts::{SERVER_PROGRAM, SERVICE_PROGRAM, Tools, WEB_PROGRAM};
use crate::products::superoffice::{net_server, settings};
use crate::view::View;

/// Registry key of the server tools.
const SERVER_SETUP_KEY: &str = r"HKLM\SOFTWARE\Wow6432Node\SuperOffice ServerSetup";

/// Where 32-bit programs stand in Windows' list of installed programs.
const UNINSTALL_KEY: &str = r"HKLM\SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Uninstall";

pub(super) fn files(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let standing = net_server::standing(view, layout, hop);
    view.node_names()
        .into_iter()
        .filter_map(|node| {
            let folder = format!(r"{}\{node}", hop.backup_folder);
            let to = |name: &str| format!(r"{folder}\{name}");
            let carries = |component| hop.standing(view, component).contains(&node);
            let mut actions = Vec::new();
            if carries(Component::CrmServer) {
                match Tools::of(hop.from) {
                    Tools::ServerSetup => {
                        let key = SERVER_SETUP_KEY.to_owned();
                        actions.push(Action::CopyTree { from: layout.server_path.to_owned(), to: to("server") });
                        actions.push(Action::ExportRegistryKey { key, to: to("server.reg") });
                        actions.push(program_entry(SERVER_PROGRAM, to("server-program.reg")));
                    }
                    Tools::CrmSetup => {
                        actions.push(Action::CopyTree { from: CRM_SETUP.to_owned(), to: to("server") });
                    }
                }
                for (number, archive) in layout.block.archives.iter().enumerate() {
                    let listing = to(&format!("archive-{number}.list"));
                    actions.push(Action::WriteListing { from: archive.clone(), to: listing });
                }
            }
            if carries(Component::Web) {
                actions.push(Action::CopyTree { from: layout.web_path.to_owned(), to: to("web") });
                actions.push(program_entry(WEB_PROGRAM, to("web-program.reg")));
            }
            let own = standing.contains(&node);
            if own {
                let to_folder = to(net_server::SET_FOLDER);
                actions.push(Action::CopyTree { from: layout.net_server_path.to_owned(), to: to_folder });
                let entry = layout.block.own_net_server.program.as_deref();
                actions.extend(entry.map(|name| program_entry(name, to("netserver-program.reg"))));
            }
            if carries(Component::Service) {
                actions.push(Action::CopyTree { from: layout.service_path.to_owned(), to: service_tree(hop, node) });
                for (number, key) in instances::own_keys(view, layout, node).into_iter().enumerate() {
                    let file = if number == 0 { "service.reg".to_owned() } else { format!("service-{number}.reg") };
                    actions.push(Action::ExportRegistryKey { key, to: to(&file) });
                }
                if instances::others(view, layout, node).is_empty() {
                    actions.push(program_entry(SERVICE_PROGRAM, to("service-program.reg")));
                }
                if let Some(path) = view.fact(ATTACHMENT_PATH) {
                    actions.push(Action::WriteListing { from: path.to_owned(), to: to("attachments.list") });
                }
            }
            if carries(Component::Web) || own || carries(Component::Service) {
                actions.push(Action::ExportIis { to: to("iis") });
            }
            if actions.is_empty() {
                // A server that receives its first component has nothing to come back.
                return None;
            }
            let title = "back up program files, configuration, registry and IIS, and list the archives".to_owned();
            let mut draft = draft(kind::BACK_UP_FILES, Some(node), title, Executor::Agent { actions });
            draft.step.role = Some(StepRole::BackUp);
            draft.step.minutes = 8;
            draft.step.limit_minutes = 180;
            Some(draft)
        })
        .collect()
}

/// Where a set keeps the tree of the Service instance of a node.
pub(super) fn service_tree(hop: &Hop<'_>, node: &str) -> String {
    format!(r"{}\{node}\service", hop.backup_folder)
}

/// The entry of a program in Windows' list of installed programs, without which restored files would contradict it.
fn program_entry(program: &str, to: String) -> Action {
    Action::ExportRegistryKey { key: format!(r"{UNINSTALL_KEY}\{program}"), to }
}

pub(super) fn iis(view: &View<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let mut gate = Some(Gate::Window);
    hop.standing(view, Component::Service)
        .into_iter()
        .map(|node| {
            let actions = vec![Action::ExportIis { to: format!(r"{}\{node}\iis", hop.backup_folder) }];
            let title = "export the IIS configuration".to_owned();
            let mut draft = draft(kind::BACK_UP_IIS, Some(node), title, Executor::Agent { actions });
            draft.step.role = Some(StepRole::BackUp);
            draft.step.gate = gate.take();
            draft
        })
        .collect()
}

/// Writes down which attachments lie where before any is moved.
pub(super) fn list_attachments(view: &View<'_>, hop: &Hop<'_>) -> Option<Draft> {
    let store = settings::store(view)?;
    let to = format!(r"{}\{}\attachments.list", hop.backup_folder, store.node);
    let actions =
        vec![Action::WriteListing { from: store.path.to_owned(), to: to.clone() }, Action::RecordFile { path: to }];
    let title = format!("list every file of {} with its size", store.path);
    let mut draft = draft(kind::LIST_ATTACHMENTS, Some(store.node), title, Executor::Agent { actions });
    draft.step.minutes = 5;
    draft.step.limit_minutes = 240;
    Some(draft)
}

/// Backs the store of attachments up before any of it is moved, while people go on working. One that is larger than the
/// site allows for has a backup of its own, which a person attests.
pub(super) fn attachments(view: &View<'_>, hop: &Hop<'_>) -> Option<Draft> {
    let store = settings::store(view)?;
    let (node, path) = (store.node, store.path);
    let title = format!("back up {path} before any file is moved");
    let mut draft = if settings::is_copied(view, &store) {
        let to = format!(r"{}\{node}\attachments", hop.backup_folder);
        let actions = vec![Action::CopyStore { from: path.to_owned(), to }];
        draft(kind::BACK_UP_ATTACHMENTS, Some(node), title, Executor::Agent { actions })
    } else {
        let instructions = vec![
            format!(
                "Back up {path} as it is now, with whatever backs up your file servers; it is too large for the set."
            ),
            "Attest this step when that backup has ended well, and say where it lies.".to_owned(),
        ];
        let statement = format!("A backup of {path}, taken after this step had begun, ended well.");
        attested(kind::BACK_UP_ATTACHMENTS, Some(node), title, instructions, statement)
    };
    draft.step.minutes = 30;
    draft.step.limit_minutes = 2880;
    Some(draft)
}

pub(super) fn database(view: &View<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let Some(recorder) = view.nodes_of(Component::CrmServer).first() else { return Vec::new() };
    let task = Task::BackUpDatabase { folder: hop.backup_folder.to_owned() };
    let mut take = controller(kind::BACK_UP_DATABASE, "back up the database with checksums", task);
    take.step.role = Some(StepRole::BackUp);
    take.step.minutes = 15;
    take.step.limit_minutes = 240;
    let path = backup_file(hop.backup_folder, &view.spec.database.name);
    let title = "record size and hash of the database backup where it lies".to_owned();
    let actions = vec![Action::RecordFile { path }];
    let mut record = draft(kind::RECORD_BACKUP, Some(recorder), title, Executor::Agent { actions });
    record.step.role = Some(StepRole::RecordBackup);
    record.step.minutes = 2;
    record.step.limit_minutes = 120;
    // What goes further than reading the file is a step of its own, before the set counts as verified.
    let verification = view.spec.backup.verification.min(Verification::RestoreVerifyOnly);
    let task = Task::VerifyBackup { verification };
    let mut verify = controller(kind::VERIFY_BACKUP, "prove that the whole backup set is fit for a restore", task);
    verify.step.minutes = 5;
    verify.step.limit_minutes = 240;
    let mut drafts = vec![take, record];
    drafts.extend(test_restore(view, hop));
    drafts.push(verify);
    drafts
}

/// The database backup is restored elsewhere and checked there, where the site declares so: reading a file to its end does
/// not look into the structure of the data (Microsoft: RESTORE VERIFYONLY).
fn test_restore(view: &View<'_>, hop: &Hop<'_>) -> Option<Draft> {
    let declared = &view.spec.backup;
    if declared.verification < Verification::RestoredAndChecked {
        return None;
    }
    let path = backup_file(hop.backup_folder, &view.spec.database.name);
    let mut draft = match declared.restore_test.unwrap_or(RestoreTest::OnServer) {
        RestoreTest::OnServer => {
            let scratch = scratch_name(&view.spec.database.name, hop.backup_folder);
            let title = "restore the backup under another name, check it there, and drop that";
            controller(kind::TEST_RESTORE, title, Task::TestRestore { path, scratch })
        }
        RestoreTest::Attested => {
            let instructions = vec![
                format!("Restore {path} to a database of another name, on this or on another SQL Server."),
                "Run DBCC CHECKDB on it.".to_owned(),
                "If it finds no fault, attest this step; the restored copy is not needed any more.".to_owned(),
            ];
            let title = "restore the backup elsewhere and check it there".to_owned();
            let statement = format!("I restored {path} elsewhere, and DBCC CHECKDB found no fault.");
            attested(kind::TEST_RESTORE, None, title, instructions, statement)
        }
    };
    draft.step.role = Some(StepRole::RestoreTest);
    draft.step.minutes = 30;
    draft.step.limit_minutes = 480;
    Some(draft)
}

/// A name that no database of a site has: its own, and the set that it comes from.
fn scratch_name(database: &str, folder: &str) -> String {
    let start: String = database.chars().take(100).collect();
    format!("{start}-test-{}", crate::hash::short(&crate::hash::sha256(folder)))
}

/// The file of the database backup in the folder of a set. One per set: a repeated backup replaces a broken one.
pub(super) fn backup_file(folder: &str, database: &str) -> String {
    format!(r"{folder}\{database}.bak")
}

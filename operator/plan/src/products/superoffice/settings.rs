//! What a site at its declared release still lacks: settings that differ from the declaration, each with the sentence
//! that a person reads. A change of settings is built from these; several share one change.

use crm_api::database::superoffice::{ATTACHMENT_PATH, ATTACHMENTS};
use crm_api::probe::{Answer, Probe};
use crm_api::site::{Attachments, Component, FastCgi, FastCgiHandlers};

use super::layout::Layout;
use super::parts;
use crate::view::View;

/// Sub-folders into which `upgrade.exe` moves attachments (vendor: upgrade Service, "Attachments"; their names: registry
/// flag `UseAttachmentFolders`).
const ATTACHMENT_FOLDER: &str = "folder";
/// Numbers of attachments that share a sub-folder (vendor: upgrade Service, "Attachments").
const ATTACHMENTS_PER_FOLDER: i32 = 10_000;

/// One setting that differs from the declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The row that decides about the ending of links.
    Links {
        /// For a person.
        message: String,
    },
    /// Programs without a FastCGI handler, or whose handler does not accept the verb `OPTIONS`.
    Handlers {
        /// For a person.
        message: String,
    },
    /// FastCGI handlers that stay though their removal is declared.
    Leftover {
        /// For a person.
        message: String,
    },
    /// Attachments that lie in one flat folder.
    Attachments {
        /// For a person.
        message: String,
    },
    /// Another host than the one at which Service is. No change of settings mends it: a check says what would.
    Host {
        /// For a person.
        message: String,
    },
}

impl Difference {
    /// The sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Links { message }
            | Self::Handlers { message }
            | Self::Leftover { message }
            | Self::Attachments { message }
            | Self::Host { message } => message,
        }
    }
}

/// Everything that differs from the declaration at the site's release.
#[must_use]
pub fn differences(view: &View<'_>, layout: &Layout<'_>) -> Vec<Difference> {
    let mut all = Vec::new();
    all.extend(links(view));
    if view.spec.fast_cgi == Some(FastCgi::Enabled) {
        let found = view.nodes_of(Component::Service).iter().filter_map(|node| {
            let what = lacking_handlers(view, layout, node)?;
            Some(Difference::Handlers {
                message: format!(
                    "{what} on {node}: upgrade.exe -onlyFCGI sets them up; time-outs that people set stay"
                ),
            })
        });
        all.extend(found);
    }
    all.extend(leftovers(view, layout).into_iter().map(|(node, count)| Difference::Leftover {
        message: format!(
            "{count} FastCGI handlers on {node} are removed, as fastCgiHandlers: Remove declares; from then on links that end in .fcgi lead nowhere, those in mails that were sent too"
        ),
    }));
    all.extend(attachments(view, layout));
    all.extend(host(layout));
    all
}

fn host(layout: &Layout<'_>) -> Option<Difference> {
    let declared = &layout.block.host_name;
    (!layout.host.eq_ignore_ascii_case(declared))
        .then(|| Difference::Host { message: format!("Service is at {}, declared is {declared}", layout.host) })
}

fn links(view: &View<'_>) -> Option<Difference> {
    let declared = view.spec.fast_cgi.filter(|_| !view.nodes_of(Component::Service).is_empty())?;
    let seen = parts::fast_cgi(view);
    (seen != Some(declared)).then(|| Difference::Links {
        message: format!(
            "links end in {}, declared is fastCgi: {declared:?}; both endings of links that were sent keep working",
            ending(seen)
        ),
    })
}

/// The ending of links in words.
#[must_use]
pub fn ending(fast_cgi: Option<FastCgi>) -> &'static str {
    match fast_cgi {
        Some(FastCgi::Enabled) => ".fcgi",
        Some(FastCgi::Disabled) => ".exe",
        None => "an unknown ending",
    }
}

/// What the FastCGI handlers on a node lack, in words; `None` where nothing or where it was not read.
#[must_use]
pub fn lacking_handlers(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<String> {
    let site = layout.iis_site(view, node).ok()?;
    match view.answer(node, &Probe::FastCgiHandlers { site, folder: layout.scripts() })? {
        Answer::Handlers { missing, without_options, .. } => {
            let mut what = Vec::new();
            if !missing.is_empty() {
                what.push(format!("programs without a FastCGI handler: {}", missing.join(", ")));
            }
            if !without_options.is_empty() {
                what.push(format!("handlers that do not accept the verb OPTIONS: {}", without_options.join(", ")));
            }
            (!what.is_empty()).then(|| what.join("; "))
        }
        _ => None,
    }
}

/// Whether handlers that nothing needs any more shall go.
#[must_use]
pub fn removes_handlers(view: &View<'_>) -> bool {
    view.spec.fast_cgi == Some(FastCgi::Disabled) && view.spec.fast_cgi_handlers == Some(FastCgiHandlers::Remove)
}

/// The nodes on which handlers are, and how many, though their removal is declared. What was not read is none.
#[must_use]
pub fn leftovers<'v>(view: &View<'v>, layout: &Layout<'_>) -> Vec<(&'v str, i32)> {
    if !removes_handlers(view) {
        return Vec::new();
    }
    let nodes = view.nodes_of(Component::Service).iter();
    nodes.filter_map(|node| Some((node.as_str(), mapped(view, layout, node).filter(|count| *count > 0)?))).collect()
}

/// How many programs on a node have a FastCGI handler.
fn mapped(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<i32> {
    let site = layout.iis_site(view, node).ok()?;
    match view.answer(node, &Probe::FastCgiHandlers { site, folder: layout.scripts() })? {
        Answer::Handlers { mapped, .. } => Some(*mapped),
        _ => None,
    }
}

fn attachments(view: &View<'_>, layout: &Layout<'_>) -> Option<Difference> {
    let store = store(view)?;
    (layout.block.attachments == Some(Attachments::WhileOpen) && store.loose > 0).then(|| Difference::Attachments {
        message: format!(
            "{} attachments in {} are moved into sub-folders while the site stays open; {}",
            store.loose,
            store.path,
            if is_copied(view, &store) {
                "every file is listed and copied into the backup set first"
            } else {
                "every file is listed first, and a person attests a backup of the store: it is larger than backup.storeGibibytesMax"
            }
        ),
    })
}

/// The store of attachments as one Service node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store<'a> {
    /// Node that sees it.
    pub node: &'a str,
    /// Its folder.
    pub path: &'a str,
    /// Files in all.
    pub files: i64,
    /// Files in no sub-folder.
    pub loose: i64,
    /// Attachments that the database knows and for which no file was found.
    pub missing: Option<i64>,
}

/// The question about the size of a store.
#[must_use]
pub fn store_size_probe(path: &str) -> Probe {
    Probe::FolderSize { path: path.to_owned() }
}

/// Whether the store is copied into the backup set of the change that moves it. One whose size was not read is copied:
/// there is either room for it, or the copy fails before anything is moved.
#[must_use]
pub fn is_copied(view: &View<'_>, store: &Store<'_>) -> bool {
    let Some(most) = view.spec.backup.store_gibibytes_max else { return true };
    match view.answer(store.node, &store_size_probe(store.path)) {
        Some(Answer::Size { size_bytes, .. }) => *size_bytes <= i64::from(most).saturating_mul(1 << 30),
        _ => true,
    }
}

/// The question about a store of attachments.
#[must_use]
pub fn store_probe(path: &str) -> Probe {
    Probe::NumberedFiles {
        path: path.to_owned(),
        prefix: ATTACHMENT_FOLDER.to_owned(),
        per_folder: ATTACHMENTS_PER_FOLDER,
    }
}

/// The store of attachments, as the first Service node that sees it tells.
#[must_use]
pub fn store<'a>(view: &View<'a>) -> Option<Store<'a>> {
    let path = view.fact(ATTACHMENT_PATH)?;
    view.nodes_of(Component::Service).iter().find_map(|node| match view.answer(node, &store_probe(path)) {
        Some(Answer::Numbered { files, loose, .. }) => {
            let known = view.fact(ATTACHMENTS).and_then(|value| value.parse::<i64>().ok());
            let missing = known.map(|known| known.saturating_sub(*files).max(0));
            Some(Store { node, path, files: *files, loose: *loose, missing })
        }
        _ => None,
    })
}

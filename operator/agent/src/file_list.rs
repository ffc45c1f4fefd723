//! Lists of files with size or sha256, as `sha256sum` writes them: one line each, sorted by path.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::host::FileContent;

/// Ending of the name of a list, beside the folder or file that it proves.
const ENDING: &str = ".sha256";

/// Path of the list that proves a folder or file.
pub(crate) fn beside(path: &str) -> String {
    format!("{}{ENDING}", path.trim_end_matches(['\\', '/']))
}

/// The list of a tree: `sha256  relative path`.
pub(crate) fn hashes(tree: &BTreeMap<String, FileContent>) -> String {
    let mut text = String::new();
    for (path, content) in tree {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}  {path}", content.sha256);
    }
    text
}

/// The list of a tree with sizes: `size  relative path`.
pub(crate) fn sizes(listing: &BTreeMap<String, i64>) -> String {
    let mut text = String::new();
    for (path, size_bytes) in listing {
        let _ = writeln!(text, "{size_bytes}  {path}");
    }
    text
}

/// The first path at which two trees differ, with what is wrong there.
pub(crate) fn difference(from: &BTreeMap<String, FileContent>, to: &BTreeMap<String, FileContent>) -> Option<String> {
    for (path, content) in from {
        match to.get(path) {
            None => return Some(format!("{path} is missing in the copy")),
            Some(copy) if copy != content => return Some(format!("{path} differs from its copy")),
            Some(_) => {}
        }
    }
    to.keys().find(|path| !from.contains_key(*path)).map(|path| format!("{path} is only in the copy"))
}

/// Last part of a Windows path.
pub(crate) fn name_of(path: &str) -> &str {
    path.trim_end_matches(['\\', '/']).rsplit(['\\', '/']).next().unwrap_or(path)
}

/// A Windows path without its last part.
pub(crate) fn folder_of(path: &str) -> &str {
    let path = path.trim_end_matches(['\\', '/']);
    path.rfind(['\\', '/']).map_or("", |at| &path[..at])
}

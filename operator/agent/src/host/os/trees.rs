//! Folders with everything below them. Links are not followed: what lies behind one belongs to somebody else, and a loop has
//! no end. A tree that has one is refused, so that no copy is believed whole that is not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{files, said};
use crate::host::{FileContent, FolderContent, HostError, Numbered};

/// Deeper than any folder of a product.
const DEPTH_MAX: usize = 128;

/// A file below a folder: its path relative to that, with `\` between names, where it lies, and its size.
struct Found {
    relative: String,
    path: PathBuf,
    size_bytes: i64,
}

fn walk(folder: &Path, below: &str, depth: usize, found: &mut Vec<Found>) -> Result<(), HostError> {
    if depth > DEPTH_MAX {
        return Err(HostError::Refused(format!("{}: more than {DEPTH_MAX} folders deep", folder.display())));
    }
    for entry in fs::read_dir(folder).map_err(|error| said(folder, &error))? {
        let entry = entry.map_err(|error| said(folder, &error))?;
        let path = entry.path();
        // A file that went while the folder was read is not there.
        let Some(known) = gone(fs::symlink_metadata(&path)).map_err(|error| said(&path, &error))? else { continue };
        let name = entry.file_name().into_string().map_err(|name| {
            HostError::Refused(format!("{}: the name {} cannot be read", folder.display(), name.display()))
        })?;
        let relative = if below.is_empty() { name } else { format!("{below}\\{name}") };
        if known.is_symlink() {
            return Err(HostError::Refused(format!(
                "{} is a link; what lies behind it is not looked at",
                path.display()
            )));
        } else if known.is_dir() {
            walk(&path, &relative, depth + 1, found)?;
        } else {
            found.push(Found { relative, path, size_bytes: i64::try_from(known.len()).unwrap_or(i64::MAX) });
        }
    }
    Ok(())
}

fn gone<T>(answer: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Every file below a folder, by path.
fn all(folder: &Path) -> Result<Vec<Found>, HostError> {
    let mut found = Vec::new();
    walk(folder, "", 0, &mut found)?;
    found.sort_by(|one, other| one.relative.cmp(&other.relative));
    Ok(found)
}

/// Names of the sub-folders.
pub(super) fn folders(folder: &Path) -> Result<Vec<String>, HostError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| said(folder, &error))? {
        let entry = entry.map_err(|error| said(folder, &error))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Every file with its content.
pub(super) fn tree(folder: &Path) -> Result<BTreeMap<String, FileContent>, HostError> {
    let mut tree = BTreeMap::new();
    for Found { relative, path, .. } in all(folder)? {
        match files::content(&path) {
            Ok(content) => {
                tree.insert(relative, content);
            }
            Err(HostError::NotFound(_)) => {}
            Err(error @ HostError::Refused(_)) => return Err(error),
        }
    }
    Ok(tree)
}

/// Every file with its size.
pub(super) fn listing(folder: &Path) -> Result<BTreeMap<String, i64>, HostError> {
    Ok(all(folder)?.into_iter().map(|found| (found.relative, found.size_bytes)).collect())
}

/// Number of files and their sizes together.
pub(super) fn size(folder: &Path) -> Result<FolderContent, HostError> {
    let found = all(folder)?;
    let size_bytes = found.iter().fold(0_i64, |sum, found| sum.saturating_add(found.size_bytes));
    Ok(FolderContent { files: i64::try_from(found.len()).unwrap_or(i64::MAX), size_bytes })
}

/// Copies every file over what is there. A file that goes meanwhile is not copied.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), HostError> {
    for Found { relative, path, .. } in all(from)? {
        let target = relative.split('\\').fold(to.to_owned(), |target, name| target.join(name));
        match files::copy(&path, &target) {
            Err(HostError::NotFound(_)) if !path.exists() => {}
            other => other?,
        }
    }
    fs::create_dir_all(to).map_err(|error| said(to, &error))
}

/// Numbers with which the names of files begin, in the folder and in each of its sub-folders.
pub(super) fn numbered(folder: &Path) -> Result<Numbered, HostError> {
    let mut numbers: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    let mut look = |folder: &Path, name: &str| -> Result<(), HostError> {
        for entry in fs::read_dir(folder).map_err(|error| said(folder, &error))? {
            let entry = entry.map_err(|error| said(folder, &error))?;
            if entry.file_type().is_ok_and(|kind| kind.is_file())
                && let Some(number) = leading_number(&entry.file_name().to_string_lossy())
            {
                numbers.entry(name.to_owned()).or_default().insert(number);
            }
        }
        Ok(())
    };
    look(folder, "")?;
    for name in folders(folder)? {
        look(&folder.join(&name), &name)?;
    }
    Ok(numbers.into_iter().map(|(name, numbers)| (name, runs(&numbers))).collect())
}

fn leading_number(name: &str) -> Option<i64> {
    let end = name.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(name.len());
    name[..end].parse().ok()
}

fn runs(numbers: &BTreeSet<i64>) -> Vec<(i64, i64)> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::{copy, folders, listing, numbered, size, tree};
    use crate::host::HostError;
    use std::fs;
    use std::path::Path;

    fn filled() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [("a.txt", "a"), ("sub/b.txt", "bb"), ("sub/deep/c", "ccc")] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn everything_below_a_folder_is_named_as_orders_name_it() {
        let folder = filled();
        let listed: Vec<_> = listing(folder.path()).unwrap().into_iter().collect();
        let expected = [("a.txt", 1), ("sub\\b.txt", 2), ("sub\\deep\\c", 3)];
        assert_eq!(listed, expected.map(|(path, size)| (path.to_owned(), size)));
        let whole = size(folder.path()).unwrap();
        assert_eq!((whole.files, whole.size_bytes), (3, 6));
        assert_eq!(folders(folder.path()).unwrap(), ["sub"]);
        assert!(matches!(listing(&folder.path().join("none")), Err(HostError::NotFound(_))));
        assert!(matches!(listing(&folder.path().join("a.txt")), Err(HostError::NotFound(_))), "a file is no folder");
    }

    #[test]
    fn a_copy_has_the_same_tree_and_goes_over_what_is_there() {
        let (from, to) = (filled(), tempfile::tempdir().unwrap());
        fs::write(to.path().join("a.txt"), "old").unwrap();
        copy(from.path(), to.path()).unwrap();
        assert_eq!(tree(to.path()).unwrap(), tree(from.path()).unwrap());
        assert!(copy(&from.path().join("none"), to.path()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_refused_and_not_followed() {
        let folder = filled();
        std::os::unix::fs::symlink("/", folder.path().join("sub").join("link")).unwrap();
        for answer in [listing(folder.path()).map(|_| ()), copy(folder.path(), Path::new("/nowhere"))] {
            assert!(matches!(&answer, Err(HostError::Refused(why)) if why.contains("is a link")), "{answer:?}");
        }
    }

    #[test]
    fn numbers_are_told_as_runs_by_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("folder0")).unwrap();
        for name in ["7.pdf", "8_x.pdf", "10", "readme.txt", "99999999999999999999.pdf", "folder0/1", "folder0/2.doc"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = numbered(folder.path()).unwrap();
        assert_eq!(found.get(""), Some(&vec![(7, 8), (10, 10)]));
        assert_eq!(found.get("folder0"), Some(&vec![(1, 2)]));
    }
}

//! Single files. What replaces a file is written beside it, flushed, and put in its place in one step: whoever is cut off
//! leaves the old file or the new one, and perhaps a file beside it that the next try writes over.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::said;
use crate::host::{FileContent, HostError};
use crate::text::encoding::TEXT_BYTES_MAX;

/// Ending of what is not whole yet.
const UNFINISHED: &str = ".crm-unfinished";
/// Read and written at once.
const BLOCK_BYTES: usize = 256 * 1024;

/// Size and hash.
pub(super) fn content(path: &Path) -> Result<FileContent, HostError> {
    let mut file = open(path)?;
    let (mut hash, mut size, mut block) = (Sha256::new(), 0_i64, vec![0; BLOCK_BYTES]);
    loop {
        let length = file.read(&mut block).map_err(|error| said(path, &error))?;
        if length == 0 {
            break;
        }
        hash.update(&block[..length]);
        size = size.saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
    }
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(FileContent { size_bytes: size, sha256 })
}

/// The whole content; a file that is too large to be a text is refused.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, HostError> {
    let limit = u64::try_from(TEXT_BYTES_MAX).unwrap_or(u64::MAX);
    let mut content = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut content).map_err(|error| said(path, &error))?;
    if content.len() > TEXT_BYTES_MAX {
        let text = format!("{}: more than the {TEXT_BYTES_MAX} bytes that are read as text", path.display());
        return Err(HostError::Refused(text));
    }
    Ok(content)
}

fn open(path: &Path) -> Result<File, HostError> {
    let file = File::open(path).map_err(|error| said(path, &error))?;
    if file.metadata().is_ok_and(|found| found.is_dir()) {
        return Err(HostError::Refused(format!("{} is a folder", path.display())));
    }
    Ok(file)
}

/// Puts a whole new content in the place of a file, with the permissions of the one that was there.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), HostError> {
    fill(path, |file| file.write_all(content))
}

/// Copies a file over what is there, with its permissions.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), HostError> {
    let mut source = open(from)?;
    let permissions = source.metadata().map_err(|error| said(from, &error))?.permissions();
    fill(to, |file| {
        io::copy(&mut source, file)?;
        file.set_permissions(permissions)
    })
}

/// Puts what `write` writes in the place of a file.
pub(super) fn fill(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), HostError> {
    let told = |error: io::Error| said(path, &error);
    let folder = path.parent().ok_or_else(|| HostError::Refused(format!("{} is no file", path.display())))?;
    fs::create_dir_all(folder).map_err(told)?;
    let unfinished = unfinished(path);
    let mut file = File::create(&unfinished).map_err(told)?;
    if let Ok(known) = fs::metadata(path) {
        file.set_permissions(known.permissions()).map_err(told)?;
    }
    let written = write(&mut file).and_then(|()| file.sync_all());
    drop(file);
    let placed = written.and_then(|()| fs::rename(&unfinished, path));
    if placed.is_err() {
        // It may be the reason (a full disk); whether it can be taken away says nothing new.
        let _ = fs::remove_file(&unfinished);
    }
    placed.map_err(told)?;
    flush_folder(folder).map_err(told)
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(UNFINISHED);
    path.with_file_name(name)
}

/// Moves a file over what is there, within its volume.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), HostError> {
    open(from)?;
    let folder = to.parent().ok_or_else(|| HostError::Refused(format!("{} is no file", to.display())))?;
    fs::create_dir_all(folder).map_err(|error| said(to, &error))?;
    fs::rename(from, to).map_err(|error| said(to, &error))?;
    flush_folder(folder).map_err(|error| said(to, &error))
}

/// A name that was put into a folder is on disk only when the folder is. Windows flushes its own.
fn flush_folder(folder: &Path) -> io::Result<()> {
    if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
}

/// Free room where a path lies or would lie.
pub(super) fn free_bytes(path: &Path) -> Result<i64, HostError> {
    let existing = path.ancestors().find(|ancestor| ancestor.exists());
    let existing = existing.ok_or_else(|| HostError::NotFound(path.display().to_string()))?;
    let free = fs4::available_space(existing).map_err(|error| said(existing, &error))?;
    Ok(i64::try_from(free).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{content, copy, free_bytes, read, rename, replace};
    use crate::host::HostError;
    use crate::text::encoding::TEXT_BYTES_MAX;
    use std::fs;

    #[test]
    fn a_hash_is_that_of_the_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        fs::write(&file, "abc").unwrap();
        let found = content(&file).unwrap();
        assert_eq!(found.size_bytes, 3);
        assert_eq!(found.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(matches!(content(&folder.path().join("g")), Err(HostError::NotFound(_))));
        assert!(matches!(content(folder.path()), Err(HostError::Refused(_))), "a folder has no content");
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new").join("f.ini");
        replace(&file, b"one").unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!(read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
        assert!(replace(&file.join("below a file"), b"x").is_err());
        assert_eq!(read(&file).unwrap(), b"two");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_stay() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("f"), folder.path().join("g"));
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&file, b"y").unwrap();
        copy(&file, &other).unwrap();
        for path in [&file, &other] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o640);
        }
    }

    #[test]
    fn a_moved_file_is_in_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("f"), folder.path().join("aside").join("f"));
        fs::write(&from, "x").unwrap();
        rename(&from, &to).unwrap();
        assert!(!from.exists() && to.exists());
        assert!(matches!(rename(&from, &to), Err(HostError::NotFound(_))));
        assert!(to.exists());
    }

    #[test]
    fn what_is_too_large_to_be_a_text_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("big.log");
        fs::File::create(&file).unwrap().set_len(u64::try_from(TEXT_BYTES_MAX).unwrap() + 1).unwrap();
        assert!(matches!(read(&file), Err(HostError::Refused(why)) if why.contains("more than")));
    }

    #[test]
    fn room_is_that_of_the_volume_where_a_path_would_lie() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(&folder.path().join("not").join("yet")).unwrap() > 0);
    }
}

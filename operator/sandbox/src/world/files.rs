//! Files, as small descriptions of their content. Names are compared without regard to case, as Windows does.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use crm_agent::host::{FileContent, FolderContent, HostError, Numbered};
use crm_agent::text::encoding::{Encoding, encode};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::world::vendor::Role;

/// Size of any program file.
const PROGRAM_BYTES: i64 = 1_310_720;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Text, and how it is written.
    Text { text: String, encoding: Encoding },
    /// A program or library with a version resource.
    Program { version: String, role: Role },
    /// A backup of a database.
    Backup(BackupImage),
    /// Many files of one folder that nobody looks into.
    Bulk { files: i64, size_bytes: i64 },
    /// Many files of one folder, each named by a number from a first to a last one.
    Numbered { first: i64, last: i64, size_bytes: i64 },
}

/// The inside of a backup file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BackupImage {
    pub(crate) database: String,
    pub(crate) release: String,
    pub(crate) started_at: Timestamp,
    pub(crate) finished_at: Timestamp,
    pub(crate) size_bytes: i64,
    pub(crate) last_lsn: String,
    /// Whether it was written to its end and nothing is missing.
    pub(crate) whole: bool,
    /// Whether the structure of the data in it is sound: what only a look at every page of a restored copy tells.
    pub(crate) sound: bool,
    /// Whether its header can be read: false while it is written and where that failed.
    pub(crate) header: bool,
}

impl Content {
    fn size_bytes(&self) -> i64 {
        match self {
            Self::Text { text, encoding } => i64::try_from(bytes_of(text, *encoding).len()).unwrap_or(i64::MAX),
            Self::Program { .. } => PROGRAM_BYTES,
            Self::Backup(image) if image.whole => image.size_bytes,
            Self::Backup(image) => image.size_bytes / 3,
            Self::Bulk { size_bytes, .. } | Self::Numbered { size_bytes, .. } => *size_bytes,
        }
    }

    fn count(&self) -> i64 {
        match self {
            Self::Bulk { files, .. } => *files,
            Self::Numbered { first, last, .. } => last - first + 1,
            Self::Text { .. } | Self::Program { .. } | Self::Backup(_) => 1,
        }
    }

    fn sha256(&self) -> String {
        match self {
            Self::Text { text, encoding } => sha256(&bytes_of(text, *encoding)),
            Self::Program { .. } | Self::Backup(_) | Self::Bulk { .. } | Self::Numbered { .. } => {
                sha256(format!("{self:?}").as_bytes())
            }
        }
    }
}

/// What a program of this world has put into a file is of its encoding; else it stands there in UTF-8.
fn bytes_of(text: &str, encoding: Encoding) -> Cow<'_, [u8]> {
    match encoding {
        Encoding::Utf8 => Cow::Borrowed(text.as_bytes()),
        _ => encode(text, encoding).map_or(Cow::Borrowed(text.as_bytes()), Cow::Owned),
    }
}

/// sha256 in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a file with this text would be.
pub(crate) fn described_text(text: String) -> FileContent {
    Blob { content: Content::Text { text, encoding: Encoding::Utf8 }, sha256: OnceLock::new() }.described()
}

/// A content with its hash, computed when first asked for; copies share it.
#[derive(Debug)]
pub(crate) struct Blob {
    pub(crate) content: Content,
    sha256: OnceLock<String>,
}

impl Blob {
    fn described(&self) -> FileContent {
        FileContent {
            size_bytes: self.content.size_bytes(),
            sha256: self.sha256.get_or_init(|| self.content.sha256()).clone(),
        }
    }
}

struct Entry {
    path: String,
    blob: Arc<Blob>,
}

/// The files of one machine, or of the shares.
#[derive(Default)]
pub(crate) struct FileSystem {
    files: BTreeMap<String, Entry>,
}

/// Whether a path lies on a share.
pub(crate) fn is_unc(path: &str) -> bool {
    path.starts_with("\\\\")
}

/// File name of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

/// A path as it is compared.
pub(crate) fn key(path: &str) -> String {
    path.replace('/', "\\").trim_end_matches('\\').to_lowercase()
}

impl FileSystem {
    pub(crate) fn put(&mut self, path: &str, content: Content) {
        self.put_blob(path, Arc::new(Blob { content, sha256: OnceLock::new() }));
    }

    pub(crate) fn put_text(&mut self, path: &str, text: impl Into<String>) {
        self.put(path, Content::Text { text: text.into(), encoding: Encoding::Utf8 });
    }

    pub(crate) fn put_blob(&mut self, path: &str, blob: Arc<Blob>) {
        self.files.insert(key(path), Entry { path: path.to_owned(), blob });
    }

    pub(crate) fn remove(&mut self, path: &str) {
        self.files.remove(&key(path));
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Content> {
        self.files.get(&key(path)).map(|entry| &entry.blob.content)
    }

    pub(crate) fn blob(&self, path: &str) -> Result<Arc<Blob>, HostError> {
        let entry = self.files.get(&key(path)).ok_or_else(|| HostError::NotFound(path.to_owned()))?;
        Ok(Arc::clone(&entry.blob))
    }

    pub(crate) fn text(&self, path: &str) -> Result<&str, HostError> {
        match self.get(path) {
            Some(Content::Text { text, .. }) => Ok(text),
            Some(Content::Program { .. } | Content::Backup(_) | Content::Bulk { .. } | Content::Numbered { .. }) => {
                Err(HostError::Refused(format!("{path} is no text")))
            }
            None => Err(HostError::NotFound(path.to_owned())),
        }
    }

    /// A text file as its bytes.
    pub(crate) fn bytes(&self, path: &str) -> Result<Vec<u8>, HostError> {
        let text = self.text(path)?;
        match self.get(path) {
            Some(Content::Text { encoding, .. }) => Ok(bytes_of(text, *encoding).into_owned()),
            Some(Content::Program { .. } | Content::Backup(_) | Content::Bulk { .. } | Content::Numbered { .. })
            | None => Ok(Vec::new()),
        }
    }

    pub(crate) fn version(&self, path: &str) -> Result<String, HostError> {
        match self.get(path) {
            Some(Content::Program { version, .. }) => Ok(version.clone()),
            Some(Content::Text { .. } | Content::Backup(_) | Content::Bulk { .. } | Content::Numbered { .. }) => {
                Err(HostError::Refused(format!("{path} has no version resource")))
            }
            None => Err(HostError::NotFound(path.to_owned())),
        }
    }

    pub(crate) fn described(&self, path: &str) -> Result<FileContent, HostError> {
        self.blob(path).map(|blob| blob.described())
    }

    /// Everything below a folder: path relative to it, and content.
    pub(crate) fn below(&self, folder: &str) -> Vec<(String, Arc<Blob>)> {
        let prefix = format!("{}\\", key(folder));
        let inside = self.files.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        inside
            .map(|(_, entry)| {
                let relative: String = entry.path.chars().skip(prefix.chars().count()).collect();
                (relative, Arc::clone(&entry.blob))
            })
            .collect()
    }

    fn existing(&self, folder: &str) -> Result<Vec<(String, Arc<Blob>)>, HostError> {
        let inside = self.below(folder);
        if inside.is_empty() { Err(HostError::NotFound(folder.to_owned())) } else { Ok(inside) }
    }

    pub(crate) fn tree(&self, folder: &str) -> Result<BTreeMap<String, FileContent>, HostError> {
        let inside = self.existing(folder)?;
        Ok(inside.into_iter().map(|(path, blob)| (path, blob.described())).collect())
    }

    pub(crate) fn listing(&self, folder: &str) -> Result<BTreeMap<String, i64>, HostError> {
        let inside = self.existing(folder)?;
        Ok(inside.into_iter().map(|(path, blob)| (path, blob.content.size_bytes())).collect())
    }

    pub(crate) fn size(&self, folder: &str) -> Result<FolderContent, HostError> {
        Ok(sum(&self.existing(folder)?))
    }

    /// Numbers of the files in a folder and in each of its sub-folders.
    pub(crate) fn numbered(&self, folder: &str) -> Result<Numbered, HostError> {
        let mut found = Numbered::new();
        for (path, blob) in self.existing(folder)? {
            if let Content::Numbered { first, last, .. } = blob.content
                && first <= last
            {
                let inside = path.split_once('\\').map_or("", |(name, _)| name);
                found.entry(inside.to_owned()).or_default().push((first, last));
            }
        }
        Ok(found)
    }

    pub(crate) fn folders(&self, folder: &str) -> Result<Vec<String>, HostError> {
        let inside = self.existing(folder)?;
        let names: BTreeSet<String> =
            inside.iter().filter_map(|(path, _)| path.split_once('\\').map(|(name, _)| name.to_owned())).collect();
        Ok(names.into_iter().collect())
    }
}

fn sum(files: &[(String, Arc<Blob>)]) -> FolderContent {
    FolderContent {
        files: files.iter().map(|(_, blob)| blob.content.count()).sum(),
        size_bytes: files.iter().map(|(_, blob)| blob.content.size_bytes()).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_folders_come_from_their_files() {
        let mut files = FileSystem::default();
        files.put_text("C:\\Data\\A\\one.txt", "1");
        files.put_text("C:\\Data\\two.txt", "22");
        assert_eq!(files.text("c:\\data\\a\\ONE.TXT"), Ok("1"));
        assert_eq!(files.folders("C:\\data"), Ok(vec!["A".to_owned()]));
        files.put("C:\\Data\\A\\numbers", Content::Numbered { first: 1, last: 3, size_bytes: 3 });
        assert_eq!(files.numbered("C:\\data"), Ok(Numbered::from([("A".to_owned(), vec![(1, 3)])])));
        assert_eq!(files.size("C:\\data"), Ok(FolderContent { files: 5, size_bytes: 6 }));
        assert_eq!(files.folders("C:\\dat"), Err(HostError::NotFound("C:\\dat".to_owned())));
    }

    #[test]
    fn a_hash_is_that_of_the_bytes() {
        let mut files = FileSystem::default();
        files.put_text("C:\\x", "abc");
        let described = files.described("C:\\x").unwrap();
        assert_eq!(described.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}

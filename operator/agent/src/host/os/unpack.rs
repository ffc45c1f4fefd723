//! Archives. What would lie outside the folder, and what is a link, is refused before anything of it is written.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::{files, said};
use crate::host::HostError;

/// Unpacks a ZIP archive over what is there.
pub(super) fn unpack(archive: &Path, to: &Path) -> Result<(), HostError> {
    let refused = |why: String| HostError::Refused(format!("{}: {why}", archive.display()));
    let file = File::open(archive).map_err(|error| said(archive, &error))?;
    let mut zip = ZipArchive::new(file).map_err(|error| refused(no_archive(&error)))?;
    let mut size = 0_u64;
    for number in 0..zip.len() {
        let entry = zip.by_index(number).map_err(|error| refused(error.to_string()))?;
        if entry.enclosed_name().is_none() || entry.is_symlink() {
            let name = String::from_utf8_lossy(entry.name_raw());
            return Err(refused(format!("{name} leads out of the folder; nothing was unpacked")));
        }
        size = size.saturating_add(entry.size());
    }
    let free = u64::try_from(files::free_bytes(to)?).unwrap_or(0);
    if size > free {
        return Err(refused(format!("unpacked it has {size} bytes, and {free} are free; nothing was unpacked")));
    }
    fs::create_dir_all(to).map_err(|error| said(to, &error))?;
    for number in 0..zip.len() {
        let mut entry = zip.by_index(number).map_err(|error| refused(error.to_string()))?;
        let Some(name) = entry.enclosed_name() else { continue };
        let target = to.join(name);
        if entry.is_dir() {
            fs::create_dir_all(&target).map_err(|error| said(&target, &error))?;
        } else {
            files::fill(&target, |file| io::copy(&mut entry, file).map(|_| ()))?;
        }
    }
    Ok(())
}

fn no_archive(error: &ZipError) -> String {
    format!("it is no ZIP archive that can be read ({error}); give the package as ZIP, or unpack it by hand")
}

#[cfg(test)]
mod tests {
    use super::unpack;
    use crate::host::HostError;
    use std::fs::{self, File};
    use std::io::Write as _;
    use std::path::Path;
    use zip::write::{SimpleFileOptions, ZipWriter};

    fn archive(path: &Path, entries: &[(&str, &str)]) {
        let mut zip = ZipWriter::new(File::create(path).unwrap());
        for (name, text) in entries {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
    }

    #[test]
    fn an_archive_lies_in_its_folder_afterwards_and_may_be_unpacked_twice() {
        let folder = tempfile::tempdir().unwrap();
        let (package, to) = (folder.path().join("p.zip"), folder.path().join("media"));
        let text = "x".repeat(10_000);
        archive(&package, &[("setup.exe", "MZ"), ("sub/readme.txt", &text)]);
        unpack(&package, &to).unwrap();
        fs::write(to.join("setup.exe"), "half").unwrap();
        unpack(&package, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("setup.exe")).unwrap(), "MZ");
        assert_eq!(fs::read_to_string(to.join("sub").join("readme.txt")).unwrap(), text);
    }

    #[test]
    fn what_leads_out_of_the_folder_is_refused_and_nothing_is_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let (package, to) = (folder.path().join("p.zip"), folder.path().join("media"));
        archive(&package, &[("good.txt", "x"), ("../evil.txt", "x")]);
        let refused = unpack(&package, &to).unwrap_err();
        assert!(matches!(&refused, HostError::Refused(why) if why.contains("leads out")), "{refused}");
        assert!(!to.join("good.txt").exists() && !folder.path().join("evil.txt").exists());
    }

    #[test]
    fn what_is_no_zip_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("p.iso");
        fs::write(&package, "CD001").unwrap();
        assert!(
            matches!(unpack(&package, folder.path()), Err(HostError::Refused(why)) if why.contains("no ZIP archive"))
        );
        assert!(matches!(unpack(&folder.path().join("none"), folder.path()), Err(HostError::NotFound(_))));
    }
}

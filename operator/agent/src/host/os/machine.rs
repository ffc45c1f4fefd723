//! What this machine is.

use crm_api::probe::Machine;

use crate::host::HostError;

/// The facts of this machine; those that only Windows has are left out.
#[cfg(target_os = "linux")]
pub(super) fn machine() -> Result<Machine, HostError> {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    Ok(Machine {
        windows: name_in(&release).unwrap_or_else(|| "Linux".to_owned()),
        iis: None,
        dot_net: None,
        features: Vec::new(),
        elevated: is_root(&status),
        boot_id: boot_id()?,
        reboot_pending: std::path::Path::new("/var/run/reboot-required").exists(),
        hotfixes: Vec::new(),
    })
}

/// The facts of this machine.
#[cfg(not(target_os = "linux"))]
pub(super) fn machine() -> Result<Machine, HostError> {
    super::foreign("what this machine is")
}

/// What tells this machine from a copy of it: what firmware says, which a copy of the disks does not take along, and what the
/// system was given when it was installed. Only a digest of it leaves the machine.
pub(super) fn id(said: Option<&str>) -> Result<String, HostError> {
    use sha2::Digest as _;
    let told = match said {
        Some(said) => said.to_owned(),
        None => told_by_the_system()?,
    };
    let digest = sha2::Sha256::digest(format!("crm-agent {told}").as_bytes());
    Ok(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(target_os = "linux")]
fn told_by_the_system() -> Result<String, HostError> {
    let installed = std::path::Path::new("/etc/machine-id");
    let installed = std::fs::read_to_string(installed).map_err(|error| super::said(installed, &error))?;
    // Not every machine has such firmware, and only root reads it: an agent always runs as the same user.
    let firmware = std::fs::read_to_string("/sys/class/dmi/id/product_uuid").unwrap_or_default();
    Ok(format!("{} {}", installed.trim(), firmware.trim()))
}

#[cfg(not(target_os = "linux"))]
fn told_by_the_system() -> Result<String, HostError> {
    super::foreign("what tells this machine from a copy of it (say it with --machine-id)")
}

/// Changes with every start of the system.
#[cfg(target_os = "linux")]
pub(super) fn boot_id() -> Result<String, HostError> {
    let path = std::path::Path::new("/proc/sys/kernel/random/boot_id");
    let text = std::fs::read_to_string(path).map_err(|error| super::said(path, &error))?;
    Ok(text.trim().to_owned())
}

/// Changes with every start of the system.
#[cfg(not(target_os = "linux"))]
pub(super) fn boot_id() -> Result<String, HostError> {
    super::foreign("which start of the system this is")
}

#[cfg(target_os = "linux")]
fn name_in(release: &str) -> Option<String> {
    let line = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(line.trim_matches('"').to_owned())
}

/// Whether the effective user is root: the second number of the line `Uid:`.
#[cfg(target_os = "linux")]
fn is_root(status: &str) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    line.and_then(|line| line.split_whitespace().nth(1)) == Some("0")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{boot_id, id, is_root, machine, name_in};

    #[test]
    fn machines_have_different_ids_that_stay() {
        let (one, other) = (id(Some("one")).unwrap(), id(Some("other")).unwrap());
        assert!(one != other && one == id(Some("one")).unwrap() && one.len() == 32, "{one} {other}");
        assert!(!one.contains("one"));
    }

    #[test]
    fn a_linux_says_what_it_is_and_claims_nothing_of_windows() {
        let machine = machine().unwrap();
        assert_eq!(machine.boot_id, boot_id().unwrap());
        assert!(!machine.boot_id.is_empty() && machine.iis.is_none() && machine.features.is_empty());
        assert_eq!(name_in("ID=x\nPRETTY_NAME=\"Some Linux 12\"\n").as_deref(), Some("Some Linux 12"));
        assert!(is_root("Name:\tx\nUid:\t1000\t0\t0\t0\n") && !is_root("Uid:\t0\t1000\t0\t0\n"));
    }
}

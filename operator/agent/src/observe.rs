//! Observe: asks the machine. Changes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use crm_api::probe::{Answer, Probe};
use crm_plan::hash::sha256;

use crate::host::{Answered, FileContent, FolderContent, Host, HostError, Numbered, broken};
use crate::limits::clip_answer;
use crate::text::xml::{self, Found};
use crate::text::{config_file, encoding, ini, json, smtp, words};

/// A probe that takes longer is reported as unreadable: one dead share must not silence the whole node.
pub(crate) const PROBE_LIMIT: Duration = Duration::from_secs(60);
/// Where 32-bit system data sources stand (Microsoft: ODBC, registry entries for data sources).
const DATA_SOURCES_KEY: &str = r"HKLM\SOFTWARE\Wow6432Node\ODBC\ODBC.INI";
/// Free room is rounded down to this many bytes, so that a few log lines are no news.
const FREE_ROOM_STEP_BYTES: i64 = 256 * 1024 * 1024;

/// Asks several questions, one after the other.
pub(crate) async fn ask_all(host: &dyn Host, probes: &[Probe]) -> BTreeMap<String, Answer> {
    let mut answers = BTreeMap::new();
    for probe in probes {
        answers.insert(probe.id(), ask(host, probe).await);
    }
    answers
}

/// Asks one question.
pub(crate) async fn ask(host: &dyn Host, probe: &Probe) -> Answer {
    let answer = match tokio::time::timeout(PROBE_LIMIT, ask_host(host, probe)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(HostError::NotFound(_))) => absent(probe),
        Ok(Err(error @ HostError::Refused(_))) => refused(probe, &error),
        Err(_) => Answer::Unreadable { reason: format!("no answer within {} s", PROBE_LIMIT.as_secs()) },
    };
    clip_answer(answer)
}

/// Nothing runs from a folder that is not there; everything else that does not exist is absent.
fn absent(probe: &Probe) -> Answer {
    match probe {
        Probe::Processes { .. } => Answer::Processes { running: Vec::new() },
        Probe::Url { .. } => Answer::Url { status: 0 },
        Probe::MailRelay { host, .. } => Answer::Relay { accepted: false, reply: format!("{host} does not exist") },
        _ => Answer::Absent {},
    }
}

fn refused(probe: &Probe, error: &HostError) -> Answer {
    match probe {
        Probe::Url { .. } => Answer::Url { status: 0 },
        Probe::MailRelay { .. } => Answer::Relay { accepted: false, reply: error.to_string() },
        _ => Answer::Unreadable { reason: error.to_string() },
    }
}

async fn ask_host(host: &dyn Host, probe: &Probe) -> Result<Answer, HostError> {
    Ok(match probe {
        Probe::Machine {} => Answer::Machine(host.machine().await?),
        Probe::Program { name } => {
            let (version, location) = host.installed_program(name).await?;
            Answer::Program { version, location }
        }
        Probe::FileVersion { path } => Answer::Version { version: host.file_version(path).await? },
        Probe::FileHash { path } => {
            let FileContent { size_bytes, sha256 } = host.file_content(path).await?;
            Answer::File { size_bytes, sha256 }
        }
        Probe::IniValue { path, section, key } => {
            let text = host.read_text(path).await?;
            value(ini::value(&text, section, key).map_err(|error| broken(path, &error))?)
        }
        Probe::ConfigValue { path, key } => config_value(host, path, key).await?,
        Probe::FlagLine { path, line } => Answer::Flag { set: config_file::flag(&host.read_text(path).await?, line) },
        Probe::Word { path, word } => Answer::Flag { set: words::stands(&host.read_text(path).await?, word) },
        Probe::XmlValue { path, section, key } => xml_value(host, path, section, key).await?,
        Probe::SecretDigest { path, section, key, salt } => {
            let found = match section {
                Some(section) => xml_value(host, path, section, key).await?,
                None => config_value(host, path, key).await?,
            };
            match found {
                Answer::Value { value } => Answer::Digest { sha256: sha256(&format!("{salt}\n{value}")) },
                other => other,
            }
        }
        Probe::RegistrySubkeys { key } => Answer::Subkeys { subkeys: host.registry_subkeys(key).await? },
        Probe::Service { name } => {
            let (state, start) = host.service(name).await?;
            Answer::Service { state, start }
        }
        Probe::Processes { folder } => Answer::Processes { running: sorted(host.processes_below(folder).await?) },
        Probe::Pool { name } => Answer::Pool { state: host.pool(name).await? },
        Probe::SitesServing { folder } => Answer::Names { names: sorted(host.sites_serving(folder).await?) },
        Probe::FastCgiHandlers { site, folder } => handlers(host, site, folder).await?,
        Probe::Url { url } => Answer::Url { status: host.get_url(url).await? },
        Probe::JsonValue { url, key } => {
            let found = json::value(&host.get_text(url).await?, key).map_err(|error| broken(url, &error))?;
            value(found.as_deref())
        }
        Probe::MailRelay { host: server, port, from, to } => mail_relay(host, server, *port, from, to).await?,
        Probe::HostAddresses { name } => {
            let addresses = host.addresses(name).await?;
            Answer::Names { names: sorted(addresses.iter().map(ToString::to_string).collect()) }
        }
        Probe::DataSource { name } => data_source(host, name).await?,
        Probe::DiskFree { path } => {
            let free_bytes = host.disk_free(path).await?;
            Answer::DiskFree { free_bytes: free_bytes - free_bytes.rem_euclid(FREE_ROOM_STEP_BYTES) }
        }
        Probe::FolderSize { path } => size(host.folder_size(path)).await?,
        Probe::NumberedFiles { path, prefix, per_folder } => {
            numbered(&host.numbered_files(path).await?, prefix, i64::from(*per_folder))
        }
        Probe::Folders { path, prefix } => folders(host, path, prefix).await?,
        Probe::ChangedFiles { path, reference } => {
            let (tree, reference) = (host.tree(path).await?, host.tree(reference).await?);
            let changed = tree.into_iter().filter(|(name, content)| reference.get(name) != Some(content));
            Answer::Names { names: changed.map(|(name, _)| name).collect() }
        }
    })
}

async fn config_value(host: &dyn Host, path: &str, key: &str) -> Result<Answer, HostError> {
    let text = host.read_text(path).await?;
    Ok(value(config_file::value(&text, key).map_err(|error| broken(path, &error))?))
}

async fn folders(host: &dyn Host, path: &str, prefix: &str) -> Result<Answer, HostError> {
    let prefix = prefix.to_lowercase();
    let names = host.folders(path).await?.into_iter();
    Ok(Answer::Names { names: sorted(names.filter(|name| name.to_lowercase().starts_with(&prefix)).collect()) })
}

fn value(value: Option<&str>) -> Answer {
    value.map_or(Answer::Absent {}, |value| Answer::Value { value: value.to_owned() })
}

async fn mail_relay(host: &dyn Host, server: &str, port: i32, from: &str, to: &str) -> Result<Answer, HostError> {
    let refused = || HostError::Refused("no mail address, or no port".to_owned());
    let commands = smtp::envelope(from, to).ok_or_else(refused)?;
    let port = u16::try_from(port).map_err(|_| refused())?;
    let replies = host.mail_replies(server, port, &commands).await?;
    let (accepted, reply) = smtp::verdict(&replies, commands.len());
    Ok(Answer::Relay { accepted, reply })
}

/// Of a data source only server and database are told: there may be a login among its values.
async fn data_source(host: &dyn Host, name: &str) -> Result<Answer, HostError> {
    let sources = host.registry_subkeys(DATA_SOURCES_KEY).await?;
    let (_, values) = sources
        .iter()
        .find(|(source, _)| source.eq_ignore_ascii_case(name))
        .ok_or_else(|| HostError::NotFound(format!("data source {name}")))?;
    let value = |wanted: &str| {
        let found = values.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    Ok(Answer::DataSource { server: value("Server"), database: value("Database") })
}

/// The key, in the file itself or in the one that the file names for the section. That one lies beside it or below: .NET
/// takes no other.
async fn xml_value(host: &dyn Host, path: &str, section: &str, key: &str) -> Result<Answer, HostError> {
    let other = match xml_key(host, path, section, key).await? {
        Found::Value(value) => return Ok(Answer::Value { value }),
        Found::Absent => return Ok(Answer::Absent {}),
        Found::Elsewhere(other) => other,
    };
    let refused = |why: &str| HostError::Refused(format!("{path}: section {section} is in {other:?}, {why}"));
    if other.contains("..") || other.contains(':') || other.starts_with(['\\', '/']) {
        return Err(refused("which is not below its folder"));
    }
    let folder = path.rsplit_once('\\').map_or("", |(folder, _)| folder);
    match xml_key(host, &format!("{folder}\\{other}"), section, key).await {
        Ok(Found::Value(value)) => Ok(Answer::Value { value }),
        Ok(Found::Absent) => Ok(Answer::Absent {}),
        Ok(Found::Elsewhere(_)) => Err(refused("which names a third file")),
        // The file says that the section exists: without it nothing is known of the key.
        Err(HostError::NotFound(_)) => Err(refused("which does not exist")),
        Err(error @ HostError::Refused(_)) => Err(error),
    }
}

async fn xml_key(host: &dyn Host, path: &str, section: &str, key: &str) -> Result<Found, HostError> {
    let in_file = |error| broken(path, &error);
    let (text, encoding) = encoding::decode(&host.read_file(path).await?).map_err(in_file)?;
    let document = xml::parse(&text, encoding).map_err(in_file)?;
    xml::value(&document, section, key).map_err(in_file)
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}

async fn size(content: Answered<'_, FolderContent>) -> Result<Answer, HostError> {
    let FolderContent { files, size_bytes } = content.await?;
    Ok(Answer::Size { files, size_bytes })
}

async fn handlers(host: &dyn Host, site: &str, folder: &str) -> Result<Answer, HostError> {
    let map = host.handlers(site, folder).await?;
    let programs = sorted(map.programs);
    let unmapped = |program: &String| !map.mapped.iter().any(|mapped| mapped.eq_ignore_ascii_case(program));
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let missing: Vec<String> = programs.iter().filter(|program| unmapped(program)).cloned().collect();
    Ok(Answer::Handlers {
        programs: count(programs.len()),
        mapped: count(programs.len().saturating_sub(missing.len())),
        missing,
        without_options: sorted(map.without_options),
    })
}

/// Counts the files that lie in the sub-folder of their number. Whether numbers count from 0 or from 1 is not known: the
/// last number of a folder may as well be the first of the next.
fn numbered(folders: &Numbered, prefix: &str, per_folder: i64) -> Answer {
    let per_folder = per_folder.max(1);
    let length = |runs: &[(i64, i64)]| -> i64 { runs.iter().map(|(first, last)| last - first + 1).sum() };
    let (mut files, mut loose, mut misplaced) = (0, 0, 0);
    for (folder, runs) in folders {
        files += length(runs);
        let number = folder.to_lowercase().strip_prefix(&prefix.to_lowercase()).map(str::parse::<i64>);
        match number {
            _ if folder.is_empty() => loose += length(runs),
            Some(Ok(number)) => {
                let (lowest, highest) =
                    (number.saturating_mul(per_folder), number.saturating_add(1).saturating_mul(per_folder));
                let inside = runs.iter().map(|(first, last)| ((*last).min(highest) - (*first).max(lowest) + 1).max(0));
                misplaced += length(runs) - inside.sum::<i64>();
            }
            Some(Err(_)) | None => misplaced += length(runs),
        }
    }
    Answer::Numbered { files, loose, misplaced }
}

#[cfg(test)]
mod tests {
    use crm_api::probe::Answer;

    use super::numbered;
    use crate::host::Numbered;

    fn store(folders: &[(&str, &[(i64, i64)])]) -> Numbered {
        folders.iter().map(|(name, runs)| ((*name).to_owned(), runs.to_vec())).collect()
    }

    #[test]
    fn files_are_counted_by_where_they_lie_and_where_they_belong() {
        let all = store(&[("folder0", &[(1, 10_000)]), ("Folder1", &[(10_001, 20_000)])]);
        assert_eq!(numbered(&all, "folder", 10_000), Answer::Numbered { files: 20_000, loose: 0, misplaced: 0 });
        let from_zero = store(&[("folder0", &[(0, 9_999)]), ("folder1", &[(10_000, 12_345)])]);
        assert_eq!(numbered(&from_zero, "folder", 10_000), Answer::Numbered { files: 12_346, loose: 0, misplaced: 0 });
        let half = store(&[("", &[(10_001, 10_010)]), ("folder0", &[(1, 5), (10_005, 10_006)]), ("old", &[(7, 7)])]);
        assert_eq!(numbered(&half, "folder", 10_000), Answer::Numbered { files: 18, loose: 10, misplaced: 3 });
    }
}

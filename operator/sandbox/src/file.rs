//! Reading a scenario: one file with the world, the site at its old version and, where wanted, Secrets; and the
//! catalogue that it names.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crm_api::{CrmRelease, CrmSite};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::world::Scenario;
use crate::world::scenario;

/// The line by which a file is known to hold a scenario.
const KIND_LINE: &str = "kind: Scenario";

/// Everything that a run needs to begin.
#[derive(Clone, Debug)]
pub struct ScenarioFile {
    /// The world, and what a person does to the site.
    pub scenario: Scenario,
    /// The site at its old version: the first one of the file.
    pub site: CrmSite,
    /// Whether the operator knows it.
    pub managed: bool,
    /// The other sites of the file, each as if the story were about it alone.
    pub others: Vec<ScenarioFile>,
    /// The catalogue.
    pub releases: Vec<CrmRelease>,
    /// The objects as they were written, for the API: site, Secrets and releases.
    pub(crate) objects: Objects,
}

/// The documents as they were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects {
    pub(crate) site: Value,
    pub(crate) secrets: Vec<Value>,
    pub(crate) releases: Vec<Value>,
}

/// Why a scenario cannot be played. Names the file, the document and what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("{}: {source}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A document is not what its kind asks for.
    #[error("{}, document {document}{}: {problem}", .file.display(), of_kind(.kind))]
    Document {
        /// The file.
        file: PathBuf,
        /// Place of the document, from 1.
        document: usize,
        /// Its kind, where it says one.
        kind: String,
        /// What is wrong, with line and field where they are known.
        problem: String,
    },
    /// The documents of a file are not those that it must have.
    #[error("{}: {problem}", .file.display())]
    Documents {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

fn of_kind(kind: &str) -> String {
    if kind.is_empty() { String::new() } else { format!(" ({kind})") }
}

/// The login that the sandbox makes up where the scenario brings no Secret. Its marks look different in JSON, in XML and in
/// a URL, so that a search for it must know these.
pub const MADE_UP_LOGIN: (&str, &str) = ("crm-operator", "made up: 100 % & <kept> \"here\"");

impl ScenarioFile {
    /// Reads a scenario and the catalogue beside it.
    ///
    /// # Errors
    /// When a file cannot be read, or a document is not what it should be.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        Self::read_with(path, &fs::read_to_string)
    }

    /// Reads a scenario that is part of a program: its text, and the catalogues that it names.
    ///
    /// # Errors
    /// When a document is not what it should be, or a catalogue is missing.
    pub fn built_in(text: &str, catalogues: &[(&str, &str)]) -> Result<Self, FileError> {
        let name = Path::new("the built-in scenario");
        Self::read_with(name, &|path| {
            let catalogue = catalogues.iter().find(|(name, _)| Path::new(name) == path);
            let text = if path == name { Some(text) } else { catalogue.map(|(_, text)| *text) };
            text.map(str::to_owned).ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    fn read_with(path: &Path, texts: &dyn Fn(PathBuf) -> io::Result<String>) -> Result<Self, FileError> {
        let read_text = |file: &Path| {
            texts(file.to_owned()).map_err(|source| FileError::Unreadable { file: file.to_owned(), source })
        };
        let text = read_text(path)?;
        let mut parts = Parts::default();
        for document in documents(path, &text)? {
            parts.take(document)?;
        }
        let scenario = parts.scenario.ok_or_else(|| lacks(path, "Scenario"))?;
        let mut sites = parts.sites.into_iter();
        let (site, written) = sites.next().ok_or_else(|| lacks(path, "CrmSite"))?;
        let (mut releases, mut written_releases) = (Vec::new(), Vec::new());
        for name in &scenario.spec.catalogue {
            let catalogue = path.parent().unwrap_or(Path::new("")).join(name);
            let text = read_text(&catalogue)?;
            for document in documents(&catalogue, &text)? {
                if document.kind() != "CrmRelease" {
                    return Err(document.wrong(format!("a catalogue holds CrmRelease only, not {:?}", document.kind())));
                }
                releases.push(document.typed()?);
                written_releases.push(document.value);
            }
        }
        if releases.is_empty() {
            return Err(lacks(path, "CrmRelease"));
        }
        let secrets = parts.secrets;
        let others = others(path, &scenario, &site, sites.collect(), &releases, &secrets)?;
        let scenario = if others.is_empty() { scenario } else { scenario.about(None) };
        let objects = Objects { site: written, secrets, releases: written_releases };
        Ok(Self { scenario, site, managed: true, others, releases, objects })
    }

    /// The story of each site of the file, the first one first.
    pub fn each(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }

    /// The same of each site that the operator knows.
    pub(crate) fn each_managed(&self) -> impl Iterator<Item = &Self> {
        self.each().filter(|file| file.managed)
    }

    /// Name of the story.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.scenario.metadata.name
    }

    pub(crate) fn site_name(&self) -> &str {
        self.site.metadata.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn namespace(&self) -> &str {
        self.site.metadata.namespace.as_deref().unwrap_or("default")
    }

    /// Name and password of the login at SQL Server: those of the Secret that the site names, or made up.
    pub(crate) fn login(&self) -> (String, String) {
        self.credentials().unwrap_or_else(|| (MADE_UP_LOGIN.0.to_owned(), MADE_UP_LOGIN.1.to_owned()))
    }

    /// The `username` and `password` of the Secret that the site names, where the file brings it.
    pub(crate) fn credentials(&self) -> Option<(String, String)> {
        let name = &self.site.spec.database.credentials_ref.name;
        let secret = self.objects.secrets.iter().find(|secret| secret["metadata"]["name"] == name.as_str())?;
        let text = |key: &str| secret["stringData"][key].as_str().map(str::to_owned);
        Some((text("username")?, text("password")?))
    }
}

#[derive(Default)]
struct Parts {
    scenario: Option<Scenario>,
    sites: Vec<(CrmSite, Value)>,
    secrets: Vec<Value>,
}

impl Parts {
    fn take(&mut self, document: Document<'_>) -> Result<(), FileError> {
        let twice = || document.wrong("there is another one in this file; a file tells one story".to_owned());
        match document.kind() {
            scenario::KIND if self.scenario.is_some() => return Err(twice()),
            scenario::KIND => self.scenario = Some(document.typed()?),
            "CrmSite" => {
                let site: CrmSite = document.typed()?;
                if site.metadata.name.is_none() {
                    return Err(document.wrong("metadata.name is missing".to_owned()));
                }
                self.sites.push((site, document.value));
            }
            "Secret" => {
                if document.value["stringData"].is_null() {
                    return Err(document.wrong("write username, password and servers under stringData".to_owned()));
                }
                self.secrets.push(document.value);
            }
            other => {
                let problem = format!("kind {other:?} has no place here; expected Scenario, CrmSite or Secret");
                return Err(document.wrong(problem));
            }
        }
        Ok(())
    }
}

/// The stories of the other sites: each has a `CrmSite` and an entry in the scenario.
fn others(
    path: &Path,
    scenario: &Scenario,
    first: &CrmSite,
    sites: Vec<(CrmSite, Value)>,
    releases: &[CrmRelease],
    secrets: &[Value],
) -> Result<Vec<ScenarioFile>, FileError> {
    let wrong = |problem: String| FileError::Documents { file: path.to_owned(), problem };
    let is_there = |name: &str| sites.iter().any(|(site, _)| site.metadata.name.as_deref() == Some(name));
    if let Some(lost) = scenario.spec.other_sites.iter().find(|other| !is_there(&other.site)) {
        return Err(wrong(format!(
            "spec.otherSites names {}, but there is no CrmSite of that name; add it",
            lost.site
        )));
    }
    let known = |name: &str| scenario.spec.other_sites.iter().any(|other| other.site == name);
    let installed = scenario.spec.servers.iter().flat_map(|server| &server.components);
    if let Some(lost) = installed.filter_map(|installed| installed.site.as_deref()).find(|name| !known(name)) {
        return Err(wrong(format!("spec.servers: a component is of site {lost}, which spec.otherSites does not name")));
    }
    let mut others = Vec::new();
    for (site, written) in sites {
        let name = site.metadata.name.clone().unwrap_or_default();
        let Some(other) = scenario.spec.other_sites.iter().find(|other| other.site == name) else {
            let problem =
                format!("CrmSite {name} is the second one; name it in spec.otherSites of the scenario, or move it");
            return Err(wrong(problem));
        };
        if site.metadata.namespace != first.metadata.namespace {
            return Err(wrong(format!("CrmSite {name}: the sites of a story are in one namespace")));
        }
        others.push(ScenarioFile {
            scenario: scenario.about(Some(other)),
            site,
            managed: other.managed,
            others: Vec::new(),
            releases: releases.to_vec(),
            objects: Objects { site: written, secrets: secrets.to_vec(), releases: Vec::new() },
        });
    }
    Ok(others)
}

/// The files of a folder that hold a scenario, by name.
///
/// # Errors
/// When the folder or a file cannot be read.
pub fn scenarios_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_manifest = path.extension().is_some_and(|extension| extension == "yaml");
        if is_manifest && fs::read_to_string(&path)?.lines().any(|line| line.trim_end() == KIND_LINE) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn lacks(file: &Path, kind: &str) -> FileError {
    FileError::Documents { file: file.to_owned(), problem: format!("there is no document of kind {kind}; add one") }
}

/// One document of a file.
struct Document<'a> {
    file: &'a Path,
    number: usize,
    /// Its text behind as many empty lines as stand before it in the file: so a parser names the right line.
    text: String,
    value: Value,
}

impl Document<'_> {
    fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap_or_default()
    }

    fn typed<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        serde_saphyr::from_str(&self.text).map_err(|error| self.wrong(error.to_string()))
    }

    fn wrong(&self, problem: String) -> FileError {
        FileError::Document { file: self.file.to_owned(), document: self.number, kind: self.kind().to_owned(), problem }
    }
}

fn documents<'a>(file: &'a Path, text: &str) -> Result<Vec<Document<'a>>, FileError> {
    let mut documents = Vec::new();
    for text in split(text) {
        let number = documents.len() + 1;
        let value = serde_saphyr::from_str::<Value>(&text).map_err(|error| FileError::Document {
            file: file.to_owned(),
            document: number,
            kind: String::new(),
            problem: error.to_string(),
        })?;
        if !value.is_null() {
            documents.push(Document { file, number, text, value });
        }
    }
    Ok(documents)
}

/// The texts between the lines `---`, each behind the number of lines that precede it.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for (number, line) in text.lines().enumerate() {
        if line.trim_end() == "---" {
            parts.push("\n".repeat(number + 1));
        } else if let Some(part) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    parts.retain(|part| part.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')));
    parts
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{ScenarioFile, split};

    #[test]
    fn a_document_keeps_its_place_in_the_file() {
        let parts = split("# only a word\n---\na: 1\n---\nb: 2\n");
        assert_eq!(parts, ["\n\na: 1\n", "\n\n\n\nb: 2\n"]);
    }

    #[test]
    fn an_error_names_file_document_and_line() {
        let folder = std::env::temp_dir().join(format!("crm-sandbox-file-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("scenario.yaml");
        let text = "kind: Secret\nmetadata: {name: a}\nstringData: {}\n---\nkind: CrmSite\nmetadata: {name: b}\nspec:\n  product: Dust\n";
        std::fs::write(&file, text).unwrap();
        let error = ScenarioFile::read(&file).unwrap_err().to_string();
        assert!(error.contains("scenario.yaml, document 2 (CrmSite)"), "{error}");
        assert!(error.contains("line 8") || error.contains("8:"), "{error}");
        let missing = ScenarioFile::read(Path::new("/nowhere.yaml")).unwrap_err().to_string();
        assert!(missing.starts_with("/nowhere.yaml: "), "{missing}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

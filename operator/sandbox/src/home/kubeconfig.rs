//! The kubeconfig: one cluster, one context per user. It holds the tokens, so only its owner can read it, and it goes with
//! the sandbox.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::credentials::Credentials;
use super::{HomeError, unwritable};

/// Name of the cluster, and of the administrator's context.
const CLUSTER: &str = "sandbox";

/// The name of a user's context.
pub(super) fn context_of(user: &str) -> String {
    if user == crate::run::ADMINISTRATOR { CLUSTER.to_owned() } else { format!("{CLUSTER}-{user}") }
}

/// The written file; it is removed with this value.
pub(super) struct KubeconfigFile {
    file: PathBuf,
    /// The folder that was made for it.
    folder: Option<PathBuf>,
}

impl KubeconfigFile {
    /// Writes it to `wanted`, or into a new folder. A file that another start has left there is replaced; any other file
    /// is somebody's own and stays.
    pub(super) fn write(
        wanted: Option<&Path>,
        server: &str,
        namespace: &str,
        credentials: &Credentials,
    ) -> Result<Self, HomeError> {
        let (file, folder) = match wanted {
            Some(file) => (file.to_owned(), None),
            None => {
                let port = server.rsplit(':').next().unwrap_or_default();
                let folder = std::env::temp_dir().join(format!("crm-sandbox-{}-{port}", std::process::id()));
                make_private_folder(&folder).map_err(|source| unwritable(&folder, source))?;
                (folder.join("kubeconfig"), Some(folder))
            }
        };
        let text = serde_json::to_string_pretty(&content(server, namespace, credentials)).unwrap_or_default();
        if file.exists() {
            let is_ours = fs::read_to_string(&file).is_ok_and(|text| is_ours(&text));
            if !is_ours {
                let problem = "there is another file of that name; name one that is not there yet";
                return Err(unwritable(&file, io::Error::new(io::ErrorKind::AlreadyExists, problem)));
            }
            fs::remove_file(&file).map_err(|source| unwritable(&file, source))?;
        }
        write_private(&file, &(text + "\n")).map_err(|source| unwritable(&file, source))?;
        Ok(Self { file, folder })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.file
    }
}

impl Drop for KubeconfigFile {
    fn drop(&mut self) {
        // Without the sandbox its tokens open nothing; a file that cannot be removed does no harm.
        let _ = fs::remove_file(&self.file);
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// YAML is a superset of JSON, and every client reads it.
fn content(server: &str, namespace: &str, credentials: &Credentials) -> Value {
    let users: Vec<Value> =
        credentials.tokens().iter().map(|(user, token)| json!({"name": &**user, "user": {"token": token}})).collect();
    let contexts: Vec<Value> = credentials
        .users()
        .map(|user| {
            let context = json!({"cluster": CLUSTER, "user": user, "namespace": namespace});
            json!({"name": context_of(user), "context": context})
        })
        .collect();
    let cluster = json!({"server": server, "certificate-authority-data": credentials.authority()});
    json!({
        "apiVersion": "v1", "kind": "Config", "preferences": {},
        "clusters": [{"name": CLUSTER, "cluster": cluster}], "users": users, "contexts": contexts,
        "current-context": CLUSTER,
    })
}

/// Whether an earlier start wrote this.
fn is_ours(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|found| found["clusters"][0]["name"] == CLUSTER)
}

#[cfg(unix)]
fn make_private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)
}

fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(file)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Credentials, KubeconfigFile};

    #[test]
    fn only_its_owner_reads_it_it_replaces_none_but_its_own_and_goes_with_the_sandbox() {
        let credentials = Credentials::make(vec!["administrator".to_owned()]).unwrap();
        let write =
            |path: Option<&std::path::Path>| KubeconfigFile::write(path, "https://127.0.0.1:1", "crm", &credentials);
        let written = write(None).unwrap();
        let path = written.path().to_owned();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        // One that was left by a start that was killed.
        drop(write(Some(&path)).unwrap());
        assert!(!path.exists());
        std::fs::write(&path, "apiVersion: v1\nkind: Config\nclusters: [{name: work}]\n").unwrap();
        let refused = write(Some(&path)).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("there is another file of that name"), "{refused}");
        assert!(std::fs::read_to_string(&path).unwrap().contains("work"));
        std::fs::remove_file(&path).unwrap();
        drop(written);
        assert!(!path.parent().unwrap().exists());
    }
}

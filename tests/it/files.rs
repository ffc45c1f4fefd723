//! Files of the repository that tests compare with: golden stories, generated manifests.

use std::path::{Path, PathBuf};

/// The folder that holds `Cargo.toml` of the workspace.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Compares with a file; `UPDATE=1` writes it instead.
pub(crate) fn golden(path: &Path, actual: &str) {
    if let Err(difference) = compare(path, actual) {
        panic!("{difference}");
    }
}

/// Compares as [`golden`] does, and says what differs.
pub(crate) fn compare(path: &Path, actual: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, actual).unwrap();
        return Ok(());
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    let line = expected.lines().zip(actual.lines()).position(|(left, right)| left != right);
    let line = line.unwrap_or_else(|| expected.lines().count().min(actual.lines().count()));
    let show = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_owned();
    Err(format!(
        "{} is not what comes out now; from line {}:\n  file: {}\n  now:  {}\nUPDATE=1 cargo test writes it anew: read the difference",
        path.display(),
        line + 1,
        show(&expected),
        show(actual)
    ))
}

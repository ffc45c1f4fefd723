//! Files, directories and standard input into the texts of YAML documents.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest file that is read. A whole fleet's objects are far below it.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Files of one directory that are read.
const FILES_MAX: usize = 1000;

/// The text of one YAML document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// File, as it was named.
    pub file: String,
    /// Place among the documents of the file that hold something, from 1.
    pub number: usize,
    /// Lines of the file before the text.
    pub lines_before: usize,
    /// The text.
    pub text: String,
}

impl Document {
    /// File and document, as messages begin.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}, document {}", self.file, self.number)
    }
}

/// All documents, and one line for everything that cannot be read.
#[must_use]
pub fn documents(files: &[PathBuf], input: &mut dyn Read) -> (Vec<Document>, Vec<String>) {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    let mut standard_input_read = false;
    for path in files {
        if path.as_os_str() == "-" {
            if !standard_input_read {
                standard_input_read = true;
                take("standard input", read_text(input), &mut found, &mut wrong);
            }
        } else if path.is_dir() {
            match files_of(path) {
                Ok(files) => {
                    for file in files {
                        take(&name_of(&file), read_file(&file), &mut found, &mut wrong);
                    }
                }
                Err(why) => wrong.push(format!("{}: {why}", name_of(path))),
            }
        } else {
            take(&name_of(path), read_file(path), &mut found, &mut wrong);
        }
    }
    (found, wrong)
}

fn take(file: &str, text: Result<String, String>, found: &mut Vec<Document>, wrong: &mut Vec<String>) {
    match text {
        Ok(text) => {
            let before = found.len();
            found.extend(split(file, &text));
            if found.len() == before {
                wrong.push(format!("{file}: holds no document; write a manifest into it, or leave it out"));
            }
        }
        Err(why) => wrong.push(format!("{file}: {why}")),
    }
}

fn name_of(path: &Path) -> String {
    crate::words::one_line(&path.to_string_lossy())
}

/// As kubectl does: files that end like manifests, sub-directories not included, in the order of their names.
fn files_of(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(directory).map_err(|error| format!("cannot be read: {error}"))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .filter(|path| {
            let ending = path.extension().and_then(|ending| ending.to_str());
            matches!(ending, Some("yaml" | "yml" | "json"))
        })
        .collect();
    files.sort();
    match files.len() {
        0 => Err("holds no .yaml, .yml or .json file; name the right directory or a file".to_owned()),
        count if count > FILES_MAX => Err(format!("holds {count} files; name the ones that matter")),
        _ => Ok(files),
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    let mut file = fs::File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    read_text(&mut file)
}

fn read_text(source: &mut dyn Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    let limit = FILE_BYTES_MAX.saturating_add(1);
    source.take(limit).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_BYTES_MAX) {
        return Err(format!("is larger than {} MiB; name the right file", FILE_BYTES_MAX / (1024 * 1024)));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not text in UTF-8; save it as UTF-8 YAML".to_owned())?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Splits at the lines that YAML reserves for it: `---` at the beginning of a line ends a document even inside a block.
fn split(file: &str, text: &str) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut current = String::new();
    let mut holds_something = false;
    let mut lines_before = 0;
    let mut close = |current: &mut String, holds_something: &mut bool, lines_before: usize| {
        let text = std::mem::take(current);
        if std::mem::take(holds_something) {
            let number = documents.len() + 1;
            documents.push(Document { file: file.to_owned(), number, lines_before, text });
        }
    };
    for (index, line) in text.lines().enumerate() {
        let rest = line.strip_prefix("---").filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        let line = match rest {
            Some(rest) => {
                close(&mut current, &mut holds_something, lines_before);
                lines_before = index;
                rest
            }
            None => line,
        };
        let content = line.trim();
        holds_something |= !content.is_empty() && !content.starts_with('#') && content != "...";
        current.push_str(line);
        current.push('\n');
    }
    close(&mut current, &mut holds_something, lines_before);
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_counted_without_empty_ones_and_keep_their_line_numbers() {
        let found = split("x", "# a comment\n---\na: 1\n---\n# nothing\n---\nb: |\n  ---\n  text\n");
        let texts: Vec<(usize, &str)> = found.iter().map(|found| (found.number, found.text.trim())).collect();
        assert_eq!(texts, [(1, "a: 1"), (2, "b: |\n  ---\n  text")]);
        assert_eq!(found[1].lines_before, 5);
    }

    #[test]
    fn many_empty_documents_cost_nothing() {
        let text = "---\n".repeat(100_000);
        assert!(split("x", &text).is_empty());
    }
}

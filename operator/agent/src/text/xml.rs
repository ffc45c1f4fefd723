//! Configuration in XML as .NET reads it (`web.config`): sections inside sections, `add`, `remove` and `clear`, sections
//! in a file of their own, and sections that are encrypted, which are said to be so and are never absent.

use roxmltree::{Document, Node};

use super::TextError;
use super::encoding::Encoding;

/// Deepest nesting that is read; configuration has a handful of levels.
const DEPTH_MAX: usize = 64;

/// What stands under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This value.
    Value(String),
    /// No such section or key: what the program does then is its own default.
    Absent,
    /// The section is in another file, named relative to this one.
    Elsewhere(String),
}

/// Reads XML: no document type, no entities of its own, no deeper than configuration is.
///
/// # Errors
/// With the line at which it is not well formed.
pub fn parse(text: &str, encoding: Encoding) -> Result<Document<'_>, TextError> {
    if encoding == Encoding::Windows1252 && !declares_another_encoding(text) {
        return Err(TextError::new(1, "the XML is UTF-8 by its declaration, and its bytes are none"));
    }
    check_depth(text)?;
    Document::parse(text).map_err(|error| match error {
        roxmltree::Error::UnclosedRootNode | roxmltree::Error::UnexpectedEndOfStream => {
            TextError::new(text.lines().count().max(1), "the XML ends too early")
        }
        other => {
            let line = usize::try_from(other.pos().row).unwrap_or(usize::MAX);
            TextError::new(line, "the XML is not well formed")
        }
    })
}

/// The value of a key in a section of `configuration`; the section is named by its elements, `a/b/c`. Keys have no case;
/// the last `add` counts, unless a `remove` or `clear` follows it.
///
/// # Errors
/// When a section on the way is encrypted.
pub fn value(document: &Document<'_>, section: &str, key: &str) -> Result<Found, TextError> {
    let root = document.root_element();
    // A section that stands in a file of its own is the root of that file.
    let last = section.rsplit('/').next().unwrap_or(section);
    if root.tag_name().name() != "configuration" && root.tag_name().name() == last {
        return key_of(root, key);
    }
    let here = root.children().filter(|child| {
        child.has_tag_name("location") && matches!(child.attribute("path"), None | Some("" | "." | "./"))
    });
    let mut found = Found::Absent;
    for base in std::iter::once(root).chain(here) {
        match down(base, section, key)? {
            Found::Absent => {}
            other => found = other,
        }
    }
    Ok(found)
}

/// An error if a section is encrypted.
pub(super) fn readable(node: Node<'_, '_>) -> Result<(), TextError> {
    let named = |child: Node<'_, '_>| child.tag_name().name() == "EncryptedData";
    if node.attribute("configProtectionProvider").is_some() || node.children().any(named) {
        let line = node.document().text_pos_at(node.range().start).row;
        let problem = format!("section {} is encrypted", node.tag_name().name());
        return Err(TextError::new(usize::try_from(line).unwrap_or(usize::MAX), problem));
    }
    Ok(())
}

fn down(base: Node<'_, '_>, section: &str, key: &str) -> Result<Found, TextError> {
    let mut at = base;
    for name in section.split('/') {
        let Some(child) = at.children().rfind(|child| child.tag_name().name() == name) else {
            return Ok(Found::Absent);
        };
        readable(child)?;
        if let Some(file) = child.attribute("configSource") {
            return Ok(Found::Elsewhere(file.to_owned()));
        }
        at = child;
    }
    key_of(at, key)
}

fn key_of(section: Node<'_, '_>, key: &str) -> Result<Found, TextError> {
    readable(section)?;
    let is_it = |node: &Node<'_, '_>| node.attribute("key").is_some_and(|name| name.eq_ignore_ascii_case(key));
    let mut found = Found::Absent;
    for node in section.children().filter(Node::is_element) {
        match node.tag_name().name() {
            "add" if is_it(&node) => {
                found = Found::Value(node.attribute("value").unwrap_or_default().trim().to_owned())
            }
            "remove" if is_it(&node) => found = Found::Absent,
            "clear" => found = Found::Absent,
            _ => {}
        }
    }
    Ok(found)
}

fn declares_another_encoding(text: &str) -> bool {
    let declaration = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map_or("", |(head, _)| head);
    let declared = declaration.split_once("encoding").map_or("", |(_, rest)| rest).to_lowercase();
    ["windows-1252", "iso-8859-1"].iter().any(|name| declared.contains(name))
}

/// Refuses what is nested beyond any configuration before the parser, which goes down with it, sees it. Counts every
/// opening bracket, so that nothing is missed; comments and text cannot make it too small.
fn check_depth(text: &str) -> Result<(), TextError> {
    let mut depth = 0_usize;
    for (index, line) in text.lines().enumerate() {
        for (at, _) in line.match_indices('<') {
            let rest = line.get(at + 1..).unwrap_or_default();
            if rest.starts_with('/') {
                depth = depth.saturating_sub(1);
            } else if !rest.starts_with(['!', '?']) {
                let closed = rest.split('<').next().unwrap_or_default().trim_end().ends_with("/>");
                depth = depth.saturating_add(usize::from(!closed));
            }
            if depth > DEPTH_MAX {
                return Err(TextError::new(index + 1, format!("nested deeper than {DEPTH_MAX} elements")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Found, parse, value};
    use crate::text::encoding::Encoding;

    const FILE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <!-- <Product><Data><Database><add key="TablePrefix" value="commented"/></Database></Data></Product> -->
  <Product>
    <Data>
      <Database>
        <add key="TablePrefix" value="old"/>
        <add key="tableprefix" value="DATA &amp; more"/>
        <add key="Gone" value="x"/>
        <remove key="Gone"/>
      </Database>
      <Explicit configProtectionProvider="DataProtectionConfigurationProvider">
        <EncryptedData><CipherData><CipherValue>AQAAANCM</CipherValue></CipherData></EncryptedData>
      </Explicit>
    </Data>
    <Documents configSource="documents.config"/>
  </Product>
  <location path="." inheritInChildApplications="false"><Product><Late><add key="a" value="b"/></Late></Product></location>
  <location path="other"><Product><Late><add key="a" value="no"/></Late></Product></location>
</configuration>"#;

    fn asked(section: &str, key: &str) -> Result<Found, String> {
        let document = parse(FILE, Encoding::Utf8).map_err(|error| error.to_string())?;
        value(&document, section, key).map_err(|error| error.to_string())
    }

    #[test]
    fn the_last_word_about_a_key_counts_and_comments_do_not() {
        assert_eq!(asked("Product/Data/Database", "TablePrefix"), Ok(Found::Value("DATA & more".to_owned())));
        assert_eq!(asked("Product/Data/Database", "Gone"), Ok(Found::Absent));
        assert_eq!(asked("Product/Data/Other", "a"), Ok(Found::Absent));
        assert_eq!(asked("Product/Late", "a"), Ok(Found::Value("b".to_owned())));
        assert_eq!(asked("Product/Documents", "Path"), Ok(Found::Elsewhere("documents.config".to_owned())));
        let own = parse("<Documents><add key='Path' value='D:\\'/></Documents>", Encoding::Utf8).unwrap();
        assert_eq!(value(&own, "Product/Documents", "path"), Ok(Found::Value("D:\\".to_owned())));
    }

    #[test]
    fn an_encrypted_section_is_never_absent() {
        assert_eq!(asked("Product/Data/Explicit", "User").unwrap_err(), "line 12: section Explicit is encrypted");
        let bare = "<configuration><S>\n<EncryptedData/></S></configuration>";
        let document = parse(bare, Encoding::Utf8).unwrap();
        assert_eq!(value(&document, "S/T", "a").unwrap_err().to_string(), "line 1: section S is encrypted");
    }

    #[test]
    fn broken_files_are_errors_that_say_where() {
        let said = |text: &str| parse(text, Encoding::Utf8).unwrap_err().to_string();
        assert_eq!(said("<a>\n<b>\n</a>"), "line 3: the XML is not well formed");
        assert_eq!(said(""), "line 1: the XML is not well formed");
        assert_eq!(said("<!DOCTYPE a [<!ENTITY b 'c'>]>\n<a>&b;</a>"), "line 1: the XML is not well formed");
        assert_eq!(said(&"<a>".repeat(100_000)), "line 1: nested deeper than 64 elements");
        let wrong = parse("<?xml version='1.0' encoding='utf-8'?><a/>", Encoding::Windows1252).unwrap_err();
        assert_eq!(wrong.to_string(), "line 1: the XML is UTF-8 by its declaration, and its bytes are none");
        assert!(parse("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", Encoding::Windows1252).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_has_an_answer(text in "(<|</|/>|>|a|b|configuration|key=|\"|'|&|;|!|--|\\[|\n| |[^a]){0,60}") {
            if let Ok(document) = parse(&text, Encoding::Utf8) {
                let _ = value(&document, "a/b", "key");
            }
        }

        #[test]
        fn a_written_value_is_found(text in "[a-zA-Z0-9 .:\\\\/]{1,20}", cuts in 0_usize..400) {
            let file = format!("<configuration><a><b><add key=\"k\" value=\"{text}\"/></b></a></configuration>");
            let document = parse(&file, Encoding::Utf8).unwrap();
            prop_assert_eq!(value(&document, "a/b", "K"), Ok(Found::Value(text.trim().to_owned())));
            // Whatever is cut off, nothing is concluded.
            let cut = &file[..cuts.min(file.len() - 1)];
            prop_assert!(parse(cut, Encoding::Utf8).is_err());
        }
    }
}

//! Reads one key of an ini file: `[section]`, `key = value`, comments with `;` or `#` at the beginning of a line.

/// The value of a key, trimmed; section and key without regard to case, the first one counts.
pub(crate) fn value<'text>(text: &'text str, section: &str, key: &str) -> Option<&'text str> {
    let mut inside = false;
    for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            inside = name.trim().eq_ignore_ascii_case(section);
        } else if inside && !line.starts_with([';', '#']) {
            let found = line.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case(key));
            if let Some((_, value)) = found {
                return Some(value.trim());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::value;

    const FILE: &str =
        "\u{feff}; top\r\nKey=outside\r\n[First]\r\n; Key=comment\r\nKEY = a=b \r\n[ second ]\r\nkey=two\r\n";

    #[test]
    fn finds_keys_in_their_section_only() {
        assert_eq!(value(FILE, "first", "key"), Some("a=b"));
        assert_eq!(value(FILE, "Second", "Key"), Some("two"));
        assert_eq!(value(FILE, "third", "key"), None);
        assert_eq!(value(FILE, "first", "other"), None);
    }
}

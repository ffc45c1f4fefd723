//! Tables of lines such as a scheduler's: which words stand in them, comments left out. What the columns mean is not
//! read here.

use super::config_file::without_comment;

/// Whether a word stands in a line, not commented out. Words are separated by white space; upper and lower case count as
/// the same.
#[must_use]
pub fn stands(text: &str, word: &str) -> bool {
    let wanted = word.to_lowercase();
    text.lines().flat_map(|line| without_comment(line).split_whitespace()).any(|part| part.to_lowercase() == wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::stands;

    #[test]
    fn comments_and_parts_of_words_do_not_count() {
        let text = "# * * * * * job a.contoso.example\r\n* * * * * job CRM.contoso.example\r\n\r\n\
                    5 * * * * mail other.b.contoso.example # c.contoso.example\r\n";
        assert!(stands(text, "crm.contoso.example"));
        for word in ["a.contoso.example", "b.contoso.example", "c.contoso.example", ""] {
            assert!(!stands(text, word), "{word}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_an_answer(text in any::<String>(), word in any::<String>()) {
            let _ = stands(&text, &word);
        }
    }
}

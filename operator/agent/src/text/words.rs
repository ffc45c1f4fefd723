//! Tables of lines such as a scheduler's: which words stand in them, comments left out. What the columns mean is not
//! read here.

use super::config_file::without_comment;

/// Lines with a word among their words, and all lines that are no comment and not empty. Words are separated by white
/// space; upper and lower case count as the same.
#[must_use]
pub fn lines_with(text: &str, word: &str) -> (usize, usize) {
    let wanted = word.to_lowercase();
    let mut counts = (0, 0);
    for line in text.lines().map(without_comment).filter(|line| !line.is_empty()) {
        counts.1 += 1;
        if line.split_whitespace().any(|part| part.to_lowercase() == wanted) {
            counts.0 += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::lines_with;

    #[test]
    fn comments_and_parts_of_words_do_not_count() {
        let text = "# * * * * * job crm.contoso.example\r\n* * * * * job CRM.contoso.example\r\n\r\n\
                    5 * * * * mail other.crm.contoso.example # crm.contoso.example\r\n";
        assert_eq!(lines_with(text, "crm.contoso.example"), (1, 2));
        assert_eq!(lines_with("", "x"), (0, 0));
    }

    proptest! {
        #[test]
        fn any_text_has_an_answer(text in any::<String>(), word in any::<String>()) {
            let (with, all) = lines_with(&text, &word);
            prop_assert!(with <= all);
        }
    }
}

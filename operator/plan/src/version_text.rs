//! Version numbers as programs show them. The same release is `7.5.5885` in a database, `7.5.5885.b` in a list of installed
//! programs, `7.5.5885.0` in the version of a file (Windows always writes four parts there) and
//! `Release_10.0.2_2021.11.12-01` in what a web service says about itself (vendor: endpoints, get-webapi-version). What
//! tells releases apart are the first three numbers; build parts behind them, letters and labels do not count. Which
//! release is newer is never read from a number: the catalogue orders them.

/// So many numbers tell releases apart.
const TELLING: usize = 3;

/// Whether a program that shows a text is of the release that has a number. A release whose number is none (the vendor
/// publishes none for it) is shown by no program but one that shows this very text.
#[must_use]
pub fn is_number_of(release: &str, shown: &str) -> bool {
    let (release, shown) = (release.trim(), shown.trim());
    if release == shown {
        return !release.is_empty();
    }
    match (numbers(release), numbers(shown)) {
        (Some(release), Some(shown)) => {
            let telling = release.get(..release.len().min(TELLING)).unwrap_or_default();
            shown.starts_with(telling)
        }
        (_, _) => false,
    }
}

/// How many numbers of a release's number tell it apart; 0 where it is no number.
#[must_use]
pub fn telling_numbers(release: &str) -> usize {
    numbers(release.trim()).map_or(0, |numbers| numbers.len().min(TELLING))
}

/// The numbers of a text, two or more; none where it is no version number. Separated by dots, or by commas as older
/// version resources have it; before them a word that ends in `_` or a `v`, behind them one letter (`.b`) or a label (`_2021...`).
fn numbers(text: &str) -> Option<Vec<u32>> {
    let text = match text.split_once('_') {
        Some((word, rest)) if word.bytes().all(|byte| byte.is_ascii_alphabetic()) => rest,
        Some(_) | None => text.strip_prefix(['v', 'V']).unwrap_or(text),
    };
    let (text, _label) = text.split_once('_').unwrap_or((text, ""));
    let mut parts: Vec<&str> = text.split(['.', ',']).map(str::trim).collect();
    let is_letter = |part: &&str| part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    if parts.last().is_some_and(is_letter) {
        parts.pop();
    }
    if parts.len() < 2 {
        return None;
    }
    parts.into_iter().map(number).collect()
}

/// Digits and nothing else: a sign is no part of a version.
fn number(part: &str) -> Option<u32> {
    let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| part.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{is_number_of, telling_numbers};

    #[test]
    fn letters_build_parts_and_labels_do_not_count() {
        for (release, shown) in [
            ("7.5.5885", "7.5.5885.b"),
            ("7.5.5885.b", "7.5.5885"),
            ("8.0.6102", "8.0.6102.c"),
            ("8.0.6465", "8.0.6465.0"),
            ("8.0.6465", "8, 0, 6465, 0"),
            ("8.2.6550.1025", "8.2.6550"),
            ("8.2.6550.1025", "8.2.6550.1026"),
            ("10.0.2", "10.0.2.617"),
            ("10.0.2", "Release_10.0.2_2021.11.12-01"),
            ("11.15", "11.15.204"),
            ("8.1.6536.16", " v8.1.6536.16 "),
            ("8.2 R02", "8.2 R02"),
            ("8", "8"),
        ] {
            assert!(is_number_of(release, shown), "{release} is shown as {shown}");
        }
    }

    #[test]
    fn another_release_and_what_is_no_number_are_told_apart() {
        for (release, shown) in [
            ("7.5.5885", "7.5.5543"),
            ("8.0.6465", "8.0"),
            ("8.0.646", "8.0.6465"),
            ("11.1.447", "11.10.705"),
            ("8.2 R02", "8.2.6617.1308"),
            ("8.2.6617.1308", "8.2 R02"),
            ("8.0.6465", "8.0.6465-beta"),
            ("8.0.6465", "8.0.6465.bc"),
            ("8.0.6465", "-8.0.6465"),
            ("8.0.6465", "8..0.6465"),
            ("8.0.6465", "99999999999.0.6465"),
            ("8.0.6465", ""),
            ("", ""),
            ("8", "8.0"),
            ("8.0", "8"),
        ] {
            assert!(!is_number_of(release, shown), "{release} is not shown as {shown:?}");
        }
        assert_eq!([telling_numbers("8.2 R02"), telling_numbers("11.15"), telling_numbers("8.2.6550.1025")], [0, 2, 3]);
    }

    proptest! {
        #[test]
        fn any_two_texts_have_an_answer(release in any::<String>(), shown in any::<String>()) {
            let _ = is_number_of(&release, &shown);
        }

        #[test]
        fn whatever_follows_the_third_number_the_release_is_the_same(
            a in 0..20_u32, b in 0..20_u32, c in 0..10_000_u32, d in 0..10_000_u32, letter in "[a-z]", other in 0..10_000_u32,
        ) {
            let number = format!("{a}.{b}.{c}");
            for shown in [format!("{number}.{d}"), format!("{number}.{letter}"), format!("Release_{number}_{d}-01")] {
                prop_assert!(is_number_of(&number, &shown), "{shown}");
                prop_assert!(is_number_of(&shown, &number), "{shown}");
            }
            prop_assert_eq!(is_number_of(&number, &format!("{a}.{b}.{other}.{d}")), c == other);
        }
    }
}

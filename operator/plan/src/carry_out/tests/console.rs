//! Tables: reading a console, and messages.

use super::super::console::{Reading, failure, read};
use super::super::words::{Message, clip};
use super::super::{FINISHED_LINE_QUIET_SECS, MESSAGE_CHARS_MAX, UNEXPECTED_QUIET_SECS};
use crm_api::order::PromptAnswer;

fn answers() -> Vec<PromptAnswer> {
    [("FastCGI", "yes"), ("site name", "contoso"), ("Continue with FastCGI", "sure")]
        .into_iter()
        .map(|(question, answer)| PromptAnswer { question: question.to_owned(), answer: answer.to_owned() })
        .collect()
}

#[test]
fn questions_are_found_by_their_text_in_the_last_line() {
    let answer = |text: &str| Reading::Answer(text.to_owned());
    let cases = [
        ("Enter Site Name: ", 0, 2, answer("contoso")),
        ("Enter site name: ", 0, 0, Reading::Nothing),
        ("Enter site name: ", 17, 60, Reading::Nothing),
        ("site name: contoso\nsite name again: ", 11, 2, answer("contoso")),
        ("Continue with FastCGI? ", 0, 2, answer("sure")),
        ("configuring FastCGI\nLicence key: ", 0, 2, Reading::Nothing),
        ("Choose FastCGI:\n 1) on\n 2) off\n> ", 0, 2, answer("yes")),
        ("Use FastCGI?\n", 0, 2, Reading::Nothing),
        ("Use FastCGI?\n", 0, FINISHED_LINE_QUIET_SECS, answer("yes")),
        ("configuring FastCGI...\n", 0, 600, Reading::Nothing),
        ("working\n", 0, 600, Reading::Nothing),
        ("", 0, 600, Reading::Nothing),
        ("Licence: ", 0, UNEXPECTED_QUIET_SECS - 1, Reading::Nothing),
        ("Licence: ", 0, UNEXPECTED_QUIET_SECS, Reading::Unexpected("Licence:".to_owned())),
        ("short", 100, 600, Reading::Nothing),
    ];
    for (output, answered, quiet_secs, expected) in cases {
        assert_eq!(read(output, answered, &answers(), quiet_secs), expected, "{output:?} quiet for {quiet_secs} s");
    }
}

#[test]
fn a_failure_is_quoted_from_its_line() {
    let texts = vec!["could not".to_owned(), String::new()];
    assert_eq!(failure("fine\n  Could NOT open x \nfine", &texts), Some("Could NOT open x".to_owned()));
    assert_eq!(failure("fine", &texts), None);
}

#[test]
fn a_message_keeps_its_reason_and_the_end_of_the_output_and_no_secret() {
    let output: String = (0..40).map(|line| format!("line {line} {}\n", "x".repeat(150))).collect();
    let text = Message::new().part(&"r".repeat(2000)).output(&output).text();
    assert_eq!(text.chars().count(), MESSAGE_CHARS_MAX);
    assert!(text.starts_with("rrr") && text.contains("line 39"), "{text}");
    let secret = Message::new().output("user: sa\nPassword: hunter2\ndone\n").text();
    assert_eq!(secret, "output ends:\nuser: sa\n(a line is left out)\ndone");
    assert_eq!(clip(&"\u{e9}".repeat(3000)).chars().count(), MESSAGE_CHARS_MAX);
}

//! Flags as a table of a guide, made from the same definitions as `--help`.

use std::fmt::Write as _;

use clap::Command;

/// One row per flag: flag and value, environment variable, what it is when left out, what it means.
#[must_use]
pub fn table(command: &Command) -> String {
    let mut text = "| flag | environment | left out | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for argument in command.get_arguments().filter(|argument| argument.get_long().is_some_and(|name| name != "help")) {
        let long = argument.get_long().unwrap_or_default();
        let value = argument.get_value_names().and_then(|names| names.first()).map(|name| format!(" {name}"));
        let value = value.filter(|_| argument.get_action().takes_values()).unwrap_or_default();
        let environment = argument.get_env().map_or(String::new(), |name| format!("`{}`", name.to_string_lossy()));
        let defaults: Vec<_> = argument.get_default_values().iter().map(|word| word.to_string_lossy()).collect();
        let default = if defaults.is_empty() {
            if argument.is_required_set() { "required".to_owned() } else { String::new() }
        } else {
            format!("`{}`", defaults.join(","))
        };
        let help =
            argument.get_long_help().or_else(|| argument.get_help()).map(ToString::to_string).unwrap_or_default();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| `--{long}{value}` | {environment} | {default} | {help} |");
    }
    text
}

/// A duration in seconds as flags take it: whole, not zero.
///
/// # Errors
/// When the text is no such number.
pub fn seconds(text: &str) -> Result<std::time::Duration, String> {
    match text.parse::<u32>() {
        Ok(0) | Err(_) => Err("give whole seconds, 1 or more, for example 15".to_owned()),
        Ok(seconds) => Ok(std::time::Duration::from_secs(u64::from(seconds))),
    }
}

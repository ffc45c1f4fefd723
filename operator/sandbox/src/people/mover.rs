//! What a person reads out of instructions about a move: choices for a wizard, and what to do with editor and SQL.

use crm_api::order::PromptAnswer;

use crate::world::World;

/// The choices that a person makes in a wizard, as the instructions say.
pub(super) fn choices_of(instructions: &[String]) -> Vec<PromptAnswer> {
    instructions.iter().flat_map(|sentence| chosen(sentence)).collect()
}

fn chosen(sentence: &str) -> Vec<PromptAnswer> {
    let quoted = quoted(sentence);
    let names: &[&str] = if sentence.starts_with("In the wizard choose a new instance in \"") {
        &["folder"]
    } else if sentence.starts_with("Let it create the IIS site \"") {
        &["create site", "host name"]
    } else if sentence.starts_with("Afterwards add to the IIS site \"") {
        &["site", "application", "pool"]
    } else if sentence.starts_with("Install it in ") {
        &["site", "application"]
    } else if sentence.starts_with("See that the Windows service \"") {
        &["service"]
    } else if let Some(rest) = sentence.strip_prefix("See that the registry has the sub-key ") {
        let host = rest.split(' ').next().unwrap_or_default();
        return vec![answer("sub-key", host)];
    } else {
        &[]
    };
    names.iter().zip(quoted).map(|(name, value)| answer(name, value)).collect()
}

fn answer(question: &str, answer: &str) -> PromptAnswer {
    PromptAnswer { question: question.to_owned(), answer: answer.to_owned() }
}

fn quoted(sentence: &str) -> Vec<&str> {
    sentence.split('"').skip(1).step_by(2).collect()
}

/// Does by hand what the instructions say and no program does. Whether everything was there to be done.
pub(super) fn do_by_hand(world: &World, site: &str, node: &str, instructions: &[String]) -> bool {
    instructions.iter().all(|sentence| {
        let quoted = quoted(sentence);
        match quoted.as_slice() {
            [from, to] if sentence.contains(", copy attachments, templates and customer centre") => {
                world.carry_over(node, from, to);
                true
            }
            [path, url] if sentence.contains(", set nsEndPoint to ") => {
                let edit = |line: &str| {
                    let is_it = line.trim_start().starts_with("nsEndPoint");
                    if is_it { format!("nsEndPoint = {url}") } else { line.to_owned() }
                };
                world.edit_lines(node, path, edit).is_ok()
            }
            [path, old, new] if sentence.contains(", replace ") => {
                world.edit_lines(node, path, |line| line.replace(old, new)).is_ok()
            }
            _ => {
                world.update_by_hand(site, sentence);
                true
            }
        }
    })
}

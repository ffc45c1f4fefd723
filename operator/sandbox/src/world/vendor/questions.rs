//! The command line and the questions of `upgrade.exe` (vendor: automated-tasks/upgrade, upgrade/service step 2).

use std::collections::BTreeMap;

use crate::world::assumptions::{Assumptions, EndOfInput};
use crate::world::vendor::handlers::{HOTFIX, iis_suits};
use crate::world::vendor::{Over, Run};

/// What the command line says.
pub(super) struct Options {
    pub(super) confirm: bool,
    pub(super) only_handlers: bool,
    pub(super) domain: Option<String>,
    /// Answers out of the file of `-config-file`.
    pub(super) file: BTreeMap<String, String>,
}

/// What is to be done.
pub(super) struct Answers {
    pub(super) domain: String,
    pub(super) site: String,
    pub(super) fast_cgi: bool,
    pub(super) attachments: bool,
}

pub(super) fn read_options(run: &Run) -> Result<Options, Over> {
    let after = |option: &str| {
        let place = run.arguments.iter().position(|argument| argument.eq_ignore_ascii_case(option))?;
        run.arguments.get(place + 1).cloned()
    };
    let has = |option: &str| run.arguments.iter().any(|argument| argument.eq_ignore_ascii_case(option));
    let mut file = BTreeMap::new();
    if let Some(path) = after("-config-file") {
        let text = run
            .world
            .with(|state| state.files(&run.node, &path).and_then(|files| files.text(&path).ok()).map(str::to_owned));
        let Some(text) = text else {
            return Err(run.refuse(&format!("Cannot open {path}")));
        };
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        file = pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect();
    }
    let (confirm, only_handlers) = (!has("-noconfirm"), has("-onlyFCGI"));
    Ok(Options { confirm, only_handlers, domain: after("-d"), file })
}

/// Asks one question, unless the file answers it.
async fn ask(run: &Run, options: &Options, key: &str, question: &str, first: &str) -> Result<String, Over> {
    if let Some(answer) = options.file.get(key) {
        return Ok(answer.clone());
    }
    if let Some(answer) = run.ask(question).await? {
        return Ok(answer);
    }
    match run.world.with(|state| state.assumptions.upgrade_at_end_of_input) {
        EndOfInput::TakeDefault => Ok(first.to_owned()),
        EndOfInput::Abort => Err(run.refuse("Upgrade aborted.")),
    }
}

fn is_yes(answer: &str) -> bool {
    answer.eq_ignore_ascii_case("yes") || answer.eq_ignore_ascii_case("y")
}

pub(super) async fn ask_all(run: &Run, options: &Options) -> Result<Answers, Over> {
    let (texts, host, only_site) = run
        .world
        .with(|state| (state.assumptions.clone(), state.layout.host_name.clone(), state.layout.iis_site.clone()));
    if options.confirm && !is_yes(&ask(run, options, "confirm", &texts.question_confirm, "yes").await?) {
        return Err(run.refuse("Upgrade aborted."));
    }
    let domain = match &options.domain {
        Some(domain) => domain.clone(),
        None => ask(run, options, &texts.config_key_domain, &texts.question_domain, &host).await?,
    };
    let site = ask(run, options, &texts.config_key_site, &texts.question_site, &only_site).await?;
    let exists = run
        .world
        .with(|state| state.machines.get(&run.node).is_some_and(|machine| machine.iis.sites.contains_key(&site)));
    if !exists {
        return Err(run.refuse(&format!("ERROR: the site '{site}' does not exist in IIS.")));
    }
    let fast_cgi = options.only_handlers
        || is_yes(&ask(run, options, &texts.config_key_fast_cgi, &texts.question_fast_cgi, "yes").await?);
    if fast_cgi {
        offer_to_abort(run, options, &texts).await?;
    }
    if !options.only_handlers {
        ask_keys(run, options, &texts).await?;
    }
    let attachments = !options.only_handlers
        && is_yes(&ask(run, options, &texts.config_key_attachments, &texts.question_attachments, "yes").await?);
    Ok(Answers { domain, site, fast_cgi, attachments })
}

/// From 8.4 R04 it asks for key and secret where the configuration has none, and writes them there (vendor:
/// install/service).
async fn ask_keys(run: &Run, options: &Options, texts: &Assumptions) -> Result<(), Over> {
    let config = run.world.with(|state| {
        let release = state.release(&run.number).and_then(|release| release.super_office.as_ref());
        let path = state.layout.config();
        let text = state.machines.get(&run.node)?.files.text(&path).ok()?;
        let asks = release.is_some_and(|block| block.asks_for_keys) && !text.contains("SymmetricKey");
        asks.then(|| (path, text.to_owned()))
    });
    let Some((path, mut text)) = config else { return Ok(()) };
    for (name, question) in ["SymmetricKey", "SymmetricSecret"].into_iter().zip(&texts.questions_keys) {
        let answer = ask(run, options, name, question, "").await?;
        if answer.is_empty() {
            return Err(run.refuse("The symmetric key is not valid."));
        }
        text.push_str(&format!("{name} = {answer}\r\n"));
    }
    run.world.with(|state| {
        let _ = state.replace_text(&run.node, &path, text);
    });
    Ok(())
}

/// Warns about an IIS that does not suit FastCGI, names the update, and offers to stop (vendor: upgrade/service).
async fn offer_to_abort(run: &Run, options: &Options, texts: &Assumptions) -> Result<(), Over> {
    if run.world.with(|state| iis_suits(state, &run.node)) {
        return Ok(());
    }
    run.say("WARNING: the FastCGI implementation of this version of IIS is not correct.");
    run.say(&format!("Install the update http://support.microsoft.com/kb/{}", HOTFIX.trim_start_matches("KB")));
    let aborts = if options.confirm {
        is_yes(&ask(run, options, "abort", &texts.question_abort, "yes").await?)
    } else {
        texts.upgrade_noconfirm_aborts
    };
    if aborts { Err(run.refuse("Upgrade aborted.")) } else { Ok(()) }
}

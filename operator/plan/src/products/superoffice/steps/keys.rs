//! The symmetric key and secret that `upgrade.exe` asks for where Service's configuration has none.

use crm_api::change::Executor;
use crm_api::evidence::Expected;
use crm_api::order::{Action, PromptAnswer};
use crm_api::probe::{Answer, Probe, RunState};

use super::{Draft, on_node};
use crate::products::Hop;
use crate::products::superoffice::layout::Layout;
use crate::products::superoffice::parts::{has_key, key_in};
use crate::view::View;

/// Whether `upgrade.exe` asks for the symmetric key and secret on a node: where Service's `config` has none.
pub(super) fn asks_for_keys(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>, node: &str) -> bool {
    let asks = hop.to.super_office.as_ref().is_some_and(|block| block.asks_for_keys);
    asks && !matches!(view.answer(node, &has_key(layout)), Some(Answer::Flag { set: true }))
}

/// No order carries a secret: a person runs `upgrade.exe` and types the keys of Web's configuration, the same on every
/// node (vendor: install/service). No agent waits for its end, so that it is gone is evidence; and that the scheduler, which
/// it starts at its end, is quiet again until the site has been verified.
pub(super) fn type_keys(draft: &mut Draft, layout: &Layout<'_>, node: &str) {
    let Executor::Agent { actions } = &draft.step.executor else { return };
    let Some(Action::RunConsole { program, arguments, answers, .. }) = actions.first() else { return };
    let mut instructions = vec![
        format!("On {node}, as administrator, start {program}."),
        format!("Give it the arguments {}.", arguments.join(" ")),
    ];
    let told = |answer: &PromptAnswer| format!("Where it asks {:?}, answer {:?}.", answer.question, answer.answer);
    instructions.extend(answers.iter().map(told));
    instructions.push(
        "Where it asks \"SymmetricKey\" and \"SymmetricSecret\", type those of Web's web.config; they are the same on every node."
            .to_owned(),
    );
    instructions.push(format!(
        "When it has ended, stop the Windows service {:?} again, which it starts: the agent starts it once the site is verified.",
        layout.scheduler
    ));
    instructions.push("The step ends by itself when the database shows the new release.".to_owned());
    draft.step.evidence.extend([
        on_node(node, key_in(layout.config()), Expected::Flag { set: true }),
        on_node(node, Probe::Service { name: layout.scheduler.clone() }, Expected::State { is: RunState::Stopped }),
        on_node(node, Probe::Processes { folder: layout.service_file("bin") }, Expected::NoneRunning {}),
    ]);
    draft.step.executor = Executor::Attended { instructions };
}

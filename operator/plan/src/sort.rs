//! Puts the steps of a product into an order that obeys every rule, and gives each step the reasons for its place. Ties
//! go to the declared order, so the same steps always end up in the same order.

use crate::products::{Draft, Explains, Rule};
use crm_api::change::Step;

/// The rules contradict each other: these kinds wait for one another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ordering rules contradict each other: {} wait for one another", kinds.join(", "))]
pub struct Cycle {
    /// Kinds of steps in the circle.
    pub kinds: Vec<String>,
}

/// Sorts the steps.
///
/// # Errors
/// When the rules contradict each other.
pub fn sort(drafts: Vec<Draft>, rules: &[Rule]) -> Result<Vec<Step>, Cycle> {
    let ids: Vec<(&'static str, String)> = drafts.iter().map(|draft| (draft.kind, draft.step.id.clone())).collect();
    let mut open: Vec<Draft> = drafts;
    let mut sorted: Vec<Step> = Vec::new();
    while !open.is_empty() {
        let free = open.iter().position(|candidate| {
            !rules.iter().any(|rule| rule.after == candidate.kind && open.iter().any(|other| other.kind == rule.before))
        });
        let Some(index) = free else {
            return Err(Cycle { kinds: open.iter().map(|draft| draft.kind.to_owned()).collect() });
        };
        let draft = open.remove(index);
        sorted.push(explain(draft, rules, &ids));
    }
    Ok(sorted)
}

/// Fills in what a step waits for and why it stands where it stands.
fn explain(draft: Draft, rules: &[Rule], ids: &[(&'static str, String)]) -> Step {
    let mut step = draft.step;
    let present = |kind: &str| ids.iter().any(|(other, _)| *other == kind);
    let follows: Vec<&Rule> = rules.iter().filter(|rule| rule.after == draft.kind && present(rule.before)).collect();
    let precedes: Vec<&Rule> = rules.iter().filter(|rule| rule.before == draft.kind && present(rule.after)).collect();
    step.after = ids
        .iter()
        .filter(|(kind, _)| follows.iter().any(|rule| rule.before == *kind))
        .map(|(_, id)| id.clone())
        .collect();
    let explaining = |side: Explains| move |rule: &&&Rule| rule.explains == side || rule.explains == Explains::Both;
    let own = follows.iter().filter(explaining(Explains::After));
    let mut because: Vec<&str> = Vec::new();
    for rule in own.chain(precedes.iter().filter(explaining(Explains::Before))) {
        if !because.contains(&rule.because) {
            because.push(rule.because);
        }
    }
    step.why = because.join("; ");
    for rule in follows.iter().chain(&precedes) {
        let named = format!("{} ({})", rule.name, rule.source);
        if !step.rules.contains(&named) {
            step.rules.push(named);
        }
    }
    step
}

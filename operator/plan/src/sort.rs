//! Puts the steps of a product into an order that obeys every rule, and gives each step the reasons for its place. Ties
//! go to the declared order, so the same steps always end up in the same order.

use std::collections::BTreeMap;

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
    let kinds = Kinds::of(&drafts, rules);
    let mut reasons: Vec<Option<Reason>> = vec![None; kinds.names.len()];
    let mut left: Vec<usize> = kinds.drafts_of.iter().map(Vec::len).collect();
    let order = kinds.order(&mut left)?;
    let ids: Vec<String> = drafts.iter().map(|draft| draft.step.id.clone()).collect();
    let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    let mut sorted = Vec::with_capacity(order.len());
    for place in order {
        let Some(Draft { mut step, .. }) = drafts[place].take() else { continue };
        let kind = kinds.of_draft[place];
        let reason = reasons[kind].get_or_insert_with(|| kinds.reason(kind, &ids)).clone();
        step.after = reason.after;
        step.why = reason.why;
        step.rules.extend(reason.rules);
        sorted.push(step);
    }
    Ok(sorted)
}

/// The kinds of the steps at hand, and the rules between them. A rule about a kind that no step has says nothing.
struct Kinds<'r> {
    /// The kind of each draft, as a number.
    of_draft: Vec<usize>,
    /// The drafts of each kind, in declared order.
    drafts_of: Vec<Vec<usize>>,
    /// For each kind, the rules by which it comes after another one, with that one.
    follows: Vec<Vec<(usize, &'r Rule)>>,
    /// For each kind, the rules by which it comes before another one.
    precedes: Vec<Vec<&'r Rule>>,
    names: Vec<&'static str>,
}

/// What a step waits for, and why it stands where it stands: the same for all steps of a kind.
#[derive(Clone)]
struct Reason {
    after: Vec<String>,
    why: String,
    rules: Vec<String>,
}

impl<'r> Kinds<'r> {
    fn of(drafts: &[Draft], rules: &'r [Rule]) -> Self {
        let (mut numbers, mut names, mut drafts_of) = (BTreeMap::new(), Vec::new(), Vec::<Vec<usize>>::new());
        let mut of_draft = Vec::with_capacity(drafts.len());
        for (place, draft) in drafts.iter().enumerate() {
            let number = *numbers.entry(draft.kind).or_insert_with(|| {
                names.push(draft.kind);
                drafts_of.push(Vec::new());
                names.len() - 1
            });
            drafts_of[number].push(place);
            of_draft.push(number);
        }
        let (mut follows, mut precedes) = (vec![Vec::new(); names.len()], vec![Vec::new(); names.len()]);
        for rule in rules {
            if let (Some(before), Some(after)) = (numbers.get(rule.before), numbers.get(rule.after)) {
                follows[*after].push((*before, rule));
                precedes[*before].push(rule);
            }
        }
        Self { of_draft, drafts_of, follows, precedes, names }
    }

    /// The places of the drafts in sorted order. `left` counts the steps of each kind that are not placed yet.
    fn order(&self, left: &mut [usize]) -> Result<Vec<usize>, Cycle> {
        let mut open: Vec<usize> = (0..self.of_draft.len()).collect();
        let mut order = Vec::with_capacity(open.len());
        while !open.is_empty() {
            let is_free = |place: &usize| self.follows[self.of_draft[*place]].iter().all(|(kind, _)| left[*kind] == 0);
            let Some(index) = open.iter().position(is_free) else {
                let kinds = open.iter().map(|place| self.names[self.of_draft[*place]].to_owned()).collect();
                return Err(Cycle { kinds });
            };
            let place = open.remove(index);
            left[self.of_draft[place]] -= 1;
            order.push(place);
        }
        Ok(order)
    }

    fn reason(&self, kind: usize, ids: &[String]) -> Reason {
        let (follows, precedes) = (&self.follows[kind], &self.precedes[kind]);
        let mut waits: Vec<usize> = follows.iter().flat_map(|(kind, _)| &self.drafts_of[*kind]).copied().collect();
        waits.sort_unstable();
        waits.dedup();
        let explains = |rule: &Rule, side| rule.explains == side || rule.explains == Explains::Both;
        let own = follows.iter().map(|(_, rule)| *rule).filter(|rule| explains(rule, Explains::After));
        let mut because: Vec<&str> = Vec::new();
        for rule in own.chain(precedes.iter().copied().filter(|rule| explains(rule, Explains::Before))) {
            if !because.contains(&rule.because) {
                because.push(rule.because);
            }
        }
        let mut named: Vec<(&str, &str)> = Vec::new();
        for rule in follows.iter().map(|(_, rule)| *rule).chain(precedes.iter().copied()) {
            if !named.contains(&(rule.name, rule.source)) {
                named.push((rule.name, rule.source));
            }
        }
        Reason {
            after: waits.into_iter().map(|place| ids[place].clone()).collect(),
            why: because.join("; "),
            rules: named.into_iter().map(|(name, source)| format!("{name} ({source})")).collect(),
        }
    }
}

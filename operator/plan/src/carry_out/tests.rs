//! Tables: what is decided from orders, journal and facts.

use std::collections::BTreeMap;

use crm_api::Time;
use crm_api::evidence::{Expected, LocalExpectation};
use crm_api::order::{Action, FileRecord, Order, OrderPhase, OrderResult, Outcome, PromptAnswer};
use crm_api::probe::{Answer, Probe, RunState, StartType};
use jiff::Timestamp;

use super::*;

mod console;
mod program;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + secs).unwrap()
}

fn version() -> Probe {
    Probe::Program { name: "Server".to_owned() }
}

fn is(version_text: &str) -> LocalExpectation {
    LocalExpectation { probe: version(), expected: Expected::Text { is: version_text.to_owned() } }
}

fn installer() -> Action {
    Action::RunInstaller { program: r"C:\media\setup.exe".to_owned(), arguments: vec!["/quiet".to_owned()] }
}

fn console(repeatable: bool) -> Action {
    Action::RunConsole {
        program: r"C:\app\upgrade.exe".to_owned(),
        arguments: Vec::new(),
        answers: vec![PromptAnswer { question: "FastCGI".to_owned(), answer: "y".to_owned() }],
        failure_texts: vec!["fatal".to_owned()],
        repeatable,
    }
}

fn stop() -> Action {
    Action::StopService { name: "Web".to_owned() }
}

/// An order from 7 to 8 that may start until second 600 and should take no longer than 300 seconds.
fn order(actions: Vec<Action>) -> Order {
    Order {
        id: "change/step".to_owned(),
        attempt: 1,
        format: 1,
        plan_hash: "hash".to_owned(),
        epoch: 5,
        start_before: Time::from(at(600)),
        time_limit_seconds: 300,
        actions,
        granted: false,
        withdrawn: false,
        may_skip: true,
        done_when: vec![is("8")],
        absent_when: vec![is("7")],
    }
}

fn wish(orders: Vec<Order>) -> Wish {
    let orders = orders.into_iter().map(|order| Wanted::Order(Box::new(order))).collect();
    Wish { orders, ..Wish::default() }
}

fn seen(version_text: &str) -> Answer {
    Answer::Program { version: version_text.to_owned(), location: String::new() }
}

/// A machine that answers each look of the decisions.
struct Machine {
    elevated: Result<bool, String>,
    version: Answer,
    action: ActionStanding,
    program: ProgramStanding,
}

impl Machine {
    fn at(version_text: &str) -> Self {
        Self {
            elevated: Ok(true),
            version: seen(version_text),
            action: ActionStanding::NotDone("running".to_owned()),
            program: ProgramStanding::Gone,
        }
    }

    fn with_program(self, program: ProgramStanding) -> Self {
        Self { program, ..self }
    }

    /// Decides, answering looks, until something else is decided.
    fn next(&self, wish: Option<&Wish>, memory: &Memory, mut facts: Facts, now: Timestamp) -> (Next, Facts) {
        for _ in 0..10 {
            let Decision { of, next } = super::next(wish, memory, &facts, now);
            let Next::Look(look) = next else { return (next, facts) };
            if facts.of != of {
                facts = Facts { of, ..Facts::default() };
            }
            match look {
                Look::Elevated => facts.elevated = Some(self.elevated.clone()),
                Look::Evidence(probes) => {
                    let answers = probes.iter().map(|probe| (probe.id(), self.version.clone()));
                    facts.answers = Some(answers.collect::<BTreeMap<_, _>>());
                }
                Look::Action(_) => facts.action = Some(self.action.clone()),
                Look::Program(_) => facts.program = Some(self.program.clone()),
            }
        }
        panic!("the decision looks for ever");
    }

    /// Decides about a memory alone.
    fn decide(&self, wish: &Wish, memory: &Memory) -> Next {
        self.next(Some(wish), memory, Facts::default(), at(10)).0
    }
}

fn memory(notes: Vec<Note>) -> Memory {
    let mut memory = Memory { highest_epoch: 5, ..Memory::default() };
    notes.into_iter().for_each(|note| memory.take(note, at(0)));
    memory
}

fn begun(order: &Order) -> Note {
    Note::Begun { order: Box::new(order.clone()), ever_started: false }
}

/// The outcome and message of a decision that ends an attempt.
fn end_of(next: &Next) -> (Outcome, String) {
    let Next::Note(notes) = next else { panic!("not an end: {next:?}") };
    match notes.last() {
        Some(Note::Ended { outcome, message }) => (*outcome, message.clone()),
        other => panic!("not an end: {other:?}"),
    }
}

fn refusal_of(next: &Next) -> String {
    match next {
        Next::Note(notes) => match notes.as_slice() {
            [Note::Refused { reason, .. }] => reason.clone(),
            other => panic!("not a refusal: {other:?}"),
        },
        other => panic!("not a refusal: {other:?}"),
    }
}

#[test]
fn an_order_is_refused_for_a_reason() {
    type Case = (fn(&mut Order, &mut Machine), &'static str);
    let cases: [Case; 4] = [
        (|order, _| order.format = 2, "format 2 of the order language"),
        (|order, _| order.epoch = 4, "epoch 4 is over; epoch 5 has begun"),
        (|order, _| order.start_before = Time::from(at(9)), "not started before"),
        (|_, machine| machine.elevated = Ok(false), r"no administrator rights, needed to run C:\media\setup.exe"),
    ];
    for (spoil, reason) in cases {
        let (mut order, mut machine) = (order(vec![installer()]), Machine::at("7"));
        spoil(&mut order, &mut machine);
        let said = refusal_of(&machine.decide(&wish(vec![order]), &memory(Vec::new())));
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn an_order_that_cannot_be_read_is_refused_and_the_next_one_carried_out() {
    let unreadable =
        Wanted::Unreadable { id: "new".to_owned(), attempt: 3, epoch: 5, reason: "unknown variant".to_owned() };
    let mut wish = wish(vec![order(vec![installer()])]);
    wish.orders.insert(0, unreadable);
    let mut memory = memory(Vec::new());
    let next = Machine::at("7").decide(&wish, &memory);
    assert!(refusal_of(&next).contains("unknown variant"));
    if let Next::Note(notes) = next {
        notes.into_iter().for_each(|note| memory.take(note, at(1)));
    }
    assert!(
        matches!(Machine::at("7").decide(&wish, &memory), Next::Note(notes) if matches!(notes[..], [Note::Begun { .. }]))
    );
    assert_eq!(results(&wish, &memory, at(2))[0].phase, OrderPhase::Refused);
}

#[test]
fn a_higher_epoch_is_journalled_before_anything_else_and_outlives_its_order() {
    let mut first = order(vec![stop()]);
    first.epoch = 9;
    let mut memory = Memory::default();
    let next = Machine::at("7").decide(&wish(vec![first]), &memory);
    assert_eq!(next, Next::Note(vec![Note::Epoch(9)]));
    memory.take(Note::Epoch(9), at(0));
    assert!(refusal_of(&Machine::at("7").decide(&wish(vec![order(vec![stop()])]), &memory)).contains("epoch 9"));
}

#[test]
fn a_lower_attempt_is_refused_and_an_ended_one_is_never_run_again() {
    let mut second = order(vec![installer()]);
    second.attempt = 2;
    let memory = memory(vec![begun(&second), Note::Ended { outcome: Outcome::Absent, message: String::new() }]);
    let first = wish(vec![order(vec![installer()])]);
    assert!(refusal_of(&Machine::at("7").decide(&first, &memory)).contains("attempt 2 was begun"));
    assert_eq!(Machine::at("7").decide(&wish(vec![second]), &memory), Next::Rest);
}

#[test]
fn what_is_so_already_is_done_without_doing_anything() {
    let wish = wish(vec![order(vec![stop(), installer()])]);
    let (outcome, message) = end_of(&Machine::at("8").decide(&wish, &memory(Vec::new())));
    assert_eq!(outcome, Outcome::Done);
    assert!(message.starts_with("already so: Server 8 in installed programs"), "{message}");
}

#[test]
fn what_one_machine_shows_is_no_reason_to_skip_a_program_that_others_have_a_say_in() {
    let order = Order { may_skip: false, ..order(vec![installer()]) };
    let (outcome, _) = end_of(&Machine::at("8").decide(&wish(vec![order.clone()]), &memory(Vec::new())));
    assert_eq!(outcome, Outcome::Partial, "a person has to look");
    let granted = Order { absent_when: Vec::new(), ..order };
    let begun = Machine::at("8").decide(&wish(vec![granted]), &memory(Vec::new()));
    assert!(matches!(begun, Next::Note(notes) if notes.len() == 1), "a person has looked");
}

#[test]
fn an_order_that_was_withdrawn_begins_nothing_more() {
    let order = order(vec![stop(), installer()]);
    let memory = memory(vec![begun(&order), Note::Reached { files: Vec::new() }]);
    let (outcome, message) = end_of(&Machine::at("7").decide(&wish(Vec::new()), &memory));
    assert_eq!(outcome, Outcome::Absent);
    assert!(message.starts_with("withdrawn"), "{message}");
    assert!(matches!(Machine::at("7").next(None, &memory, Facts::default(), at(10)).0, Next::Start { .. }));
}

#[test]
fn an_order_that_is_marked_as_withdrawn_is_refused_or_ended_and_reported_either_way() {
    let order = order(vec![stop(), installer()]);
    let withdrawn = wish(vec![Order { withdrawn: true, ..order.clone() }]);
    let mut unbegun = memory(Vec::new());
    let next = Machine::at("7").decide(&withdrawn, &unbegun);
    assert_eq!(refusal_of(&next), "withdrawn before it was begun");
    if let Next::Note(notes) = next {
        notes.into_iter().for_each(|note| unbegun.take(note, at(1)));
    }
    assert_eq!(results(&withdrawn, &unbegun, at(2))[0].phase, OrderPhase::Refused);
    let begun = memory(vec![begun(&order), Note::Reached { files: Vec::new() }]);
    assert_eq!(results(&withdrawn, &begun, at(2))[0].phase, OrderPhase::Running);
    let (outcome, message) = end_of(&Machine::at("7").decide(&withdrawn, &begun));
    assert!(outcome == Outcome::Absent && message.starts_with("withdrawn"), "{outcome:?} {message}");
}

#[test]
fn what_was_reported_is_not_taken_back_by_a_journal_that_knows_less() {
    let first = order(vec![installer()]);
    let second = Order { id: "change/next".to_owned(), ..order(vec![stop()]) };
    let reported = |order: &Order, attempt| OrderResult {
        id: order.id.clone(),
        attempt,
        epoch: 5,
        phase: OrderPhase::Ended,
        outcome: Some(Outcome::Done),
        message: "as it was".to_owned(),
        exit_code: None,
        started_at: Time::from(at(-50)),
        ended_at: Some(Time::from(at(-5))),
        files: Vec::new(),
    };
    let seen = |wish: &Wish, memory: &Memory| -> Vec<(String, i32)> {
        results(wish, memory, at(0)).into_iter().map(|result| (result.id, result.attempt)).collect()
    };
    let lost = Wish { reported: vec![reported(&second, 1)], ..wish(vec![first.clone(), second.clone()]) };
    assert_eq!(seen(&lost, &memory(Vec::new())), [(second.id.clone(), 1)]);
    let older = Wish { reported: vec![reported(&first, 2)], ..wish(vec![Order { attempt: 2, ..first.clone() }]) };
    assert_eq!(seen(&older, &memory(vec![begun(&first)])), [(first.id.clone(), 2)]);
    // What is known here wins as soon as it is not older, and what nobody asks for any more is left out.
    let asked = Wish { reported: vec![reported(&first, 1), reported(&second, 1)], ..wish(vec![first.clone()]) };
    let now = results(&asked, &memory(vec![begun(&first)]), at(0));
    assert_eq!(now.iter().map(|result| result.phase).collect::<Vec<_>>(), [OrderPhase::Running]);
}

#[test]
fn a_simple_action_is_looked_at_tried_once_and_looked_at_again() {
    let mut order = order(vec![stop()]);
    (order.done_when, order.absent_when) = (Vec::new(), Vec::new());
    let wish = wish(vec![order.clone()]);
    let memory = memory(vec![begun(&order)]);
    let machine = Machine::at("7");
    assert_eq!(machine.decide(&wish, &memory), Next::Do(stop()));
    let tried = |tried| Facts { of: Some((order.id.clone(), 1)), tried: Some(tried), ..Facts::default() };
    let (next, _) = machine.next(Some(&wish), &memory, tried(Err("access denied".to_owned())), at(10));
    assert_eq!(end_of(&next), (Outcome::Absent, "stop service Web: access denied".to_owned()));
    let (next, _) = machine.next(Some(&wish), &memory, tried(Ok(())), at(10));
    assert!(end_of(&next).1.contains("no lasting effect"));
    let done = Machine { action: ActionStanding::Done(Vec::new()), ..Machine::at("7") };
    let (next, _) = done.next(Some(&wish), &memory, tried(Err("it stopped all the same".to_owned())), at(10));
    assert_eq!(next, Next::Note(vec![Note::Reached { files: Vec::new() }]));
}

#[test]
fn a_file_that_changed_ends_the_order_before_anything_of_it() {
    let file = FileRecord { path: r"D:\b.bak".to_owned(), size_bytes: 7, sha256: "aa".to_owned() };
    let check = Action::CheckFile { file };
    let mut order = order(vec![check.clone(), installer()]);
    order.absent_when.clear();
    let memory = memory(vec![begun(&order)]);
    let standing = standing_by_answer(&check, &Answer::File { size_bytes: 7, sha256: "bb".to_owned() });
    let machine = Machine { action: standing, ..Machine::at("7") };
    let (outcome, message) = end_of(&machine.decide(&wish(vec![order]), &memory));
    assert_eq!(outcome, Outcome::Absent);
    assert!(message.contains("sha256 bb"), "{message}");
}

#[test]
fn each_simple_action_is_recognised_by_its_probe() {
    let service = |state, start| Answer::Service { state, start };
    let value =
        |value: &str| Action::SetConfigValue { path: "f".to_owned(), key: "k".to_owned(), value: value.to_owned() };
    let set = Action::SetServiceStart { name: "Web".to_owned(), start: StartType::Manual };
    let cases = [
        (stop(), service(RunState::Stopped, StartType::Manual), true),
        (stop(), service(RunState::Running, StartType::Manual), false),
        (set.clone(), service(RunState::Running, StartType::Manual), true),
        (set, service(RunState::Running, StartType::Automatic), false),
        (stop(), Answer::Absent {}, false),
        (Action::AwaitProcessesGone { folder: "C:".to_owned() }, Answer::Processes { running: Vec::new() }, true),
        (Action::AwaitUrl { url: "http://x".to_owned(), status: 200 }, Answer::Url { status: 503 }, false),
        (
            Action::SetFlagLine { path: "f".to_owned(), line: "w".to_owned(), set: false },
            Answer::Flag { set: false },
            true,
        ),
        (value("new"), Answer::Value { value: "new".to_owned() }, true),
        (value("new"), Answer::Value { value: "old".to_owned() }, false),
        (value("new"), Answer::Absent {}, false),
    ];
    for (action, answer, done) in cases {
        let standing = standing_by_answer(&action, &answer);
        assert_eq!(matches!(standing, ActionStanding::Done(_)), done, "{action:?} {answer:?}");
    }
}

#[test]
fn a_journal_that_was_set_back_is_outdone_by_the_status() {
    let order = order(vec![installer()]);
    let reported = |phase, outcome, attempt| OrderResult {
        id: order.id.clone(),
        attempt,
        epoch: 5,
        phase,
        outcome,
        message: "as it was".to_owned(),
        exit_code: None,
        started_at: Time::from(at(-50)),
        ended_at: outcome.map(|_| Time::from(at(-5))),
        files: Vec::new(),
    };
    let with = |result| Wish { reported: vec![result], ..wish(vec![order.clone()]) };
    let machine = Machine::at("7").with_program(ProgramStanding::ByName { runs: true });
    for (phase, outcome) in [(OrderPhase::Ended, Some(Outcome::Done)), (OrderPhase::Running, None)] {
        let wish = with(reported(phase, outcome, 1));
        let Next::Note(notes) = machine.decide(&wish, &memory(Vec::new())) else { panic!("nothing is recovered") };
        let memory = memory(notes);
        assert_eq!(results(&wish, &memory, at(0))[0].outcome, outcome);
        let next = machine.decide(&wish, &memory);
        assert_eq!(next, if outcome.is_some() { Next::Rest } else { Next::Note(vec![Note::Seen]) });
    }
    let wish = with(reported(OrderPhase::Running, None, 2));
    assert!(refusal_of(&machine.decide(&wish, &memory(Vec::new()))).contains("attempt 2 was reported"));
    let remembered = Wish { reported_epoch: 7, ..wish };
    assert_eq!(machine.decide(&remembered, &memory(Vec::new())), Next::Note(vec![Note::Epoch(7)]));
}

#[test]
fn memory_is_bounded_and_forgets_the_oldest() {
    let mut memory = memory(Vec::new());
    for index in 0..RECORDS_MAX + 5 {
        let mut order = order(vec![stop()]);
        order.id = format!("order {index}");
        memory.take(begun(&order), at(0));
        memory.take(Note::Ended { outcome: Outcome::Done, message: String::new() }, at(1));
    }
    assert_eq!(memory.records.len(), RECORDS_MAX);
    assert!(memory.record("order 4").is_none() && memory.record("order 5").is_some());
}

//! Tables: when a program is started, and what follows from what it is at.

use crm_api::order::{OrderPhase, Outcome};
use crm_api::probe::Answer;

use super::*;

/// What the first decision about a program is: `None` stands for its beginning.
#[test]
fn a_program_begins_only_from_absent() {
    let unreadable = Answer::Unreadable { reason: "locked".to_owned() };
    let cases = [
        ("absent", installer(), seen("7"), true, None),
        ("partial", installer(), seen("7.5"), true, Some(Outcome::Partial)),
        ("partial, repeatable", console(true), seen("7.5"), true, None),
        ("partial, not repeatable", console(false), seen("7.5"), true, Some(Outcome::Partial)),
        ("unknown", installer(), unreadable.clone(), true, Some(Outcome::Unknown)),
        ("unknown, repeatable", console(true), unreadable, true, Some(Outcome::Unknown)),
        ("absence not described", installer(), seen("7.5"), false, None),
    ];
    for (name, action, version, describes_absence, expected) in cases {
        let mut order = order(vec![stop(), action]);
        if !describes_absence {
            order.absent_when.clear();
        }
        let machine = Machine { version, ..Machine::at("7") };
        let next = machine.decide(&wish(vec![order]), &memory(Vec::new()));
        match expected {
            None => assert!(matches!(&next, Next::Note(notes) if matches!(notes[..], [Note::Begun { .. }])), "{name}"),
            Some(outcome) => assert_eq!(end_of(&next).0, outcome, "{name}"),
        }
    }
}

#[test]
fn where_absence_is_not_described_a_second_start_is_unknown() {
    let mut first = order(vec![installer()]);
    first.absent_when.clear();
    let mut second = first.clone();
    second.attempt = 2;
    let interrupted = vec![begun(&first), Note::Starting];
    let over = vec![Note::Ended { outcome: Outcome::Partial, message: String::new() }];
    let machine = Machine::at("7").with_program(ProgramStanding::ByName { runs: false });
    assert_eq!(end_of(&machine.decide(&wish(vec![first.clone()]), &memory(interrupted.clone()))).0, Outcome::Unknown);
    let memory_after = memory(interrupted.into_iter().chain(over.clone()).collect());
    assert_eq!(end_of(&machine.decide(&wish(vec![second.clone()]), &memory_after)).0, Outcome::Unknown);
    // An attempt that ended before any start leaves the first start to the next one.
    let untouched = memory(vec![begun(&first)].into_iter().chain(over).collect());
    assert!(
        matches!(machine.decide(&wish(vec![second]), &untouched), Next::Note(notes) if matches!(notes[..], [Note::Begun { .. }]))
    );
}

#[test]
fn an_interrupted_start_is_judged_by_what_is_there() {
    let by_name = |runs| ProgramStanding::ByName { runs };
    let order = order(vec![installer()]);
    let wish = wish(vec![order.clone()]);
    let starting = memory(vec![begun(&order), Note::Starting]);
    let running = Machine::at("7").with_program(by_name(true));
    assert_eq!(running.decide(&wish, &starting), Next::Note(vec![Note::Seen]));
    let not_seen = |version| Machine::at(version).with_program(by_name(false));
    assert!(matches!(not_seen("7").decide(&wish, &starting), Next::Start { .. }), "proved absent: starts");
    assert_eq!(end_of(&not_seen("7.5").decide(&wish, &starting)).0, Outcome::Partial);
    assert_eq!(end_of(&not_seen("8").decide(&wish, &starting)).0, Outcome::Done);

    let was_seen = memory(vec![begun(&order), Note::Starting, Note::Seen]);
    assert!(matches!(running.decide(&wish, &was_seen), Next::Wait { .. }));
    assert_eq!(end_of(&not_seen("7").decide(&wish, &was_seen)).0, Outcome::Absent, "it ran: not started again");
}

#[test]
fn the_end_of_a_program_is_judged_by_evidence_and_not_by_its_exit_code() {
    let ended = |code| ProgramStanding::Ended { exit_code: Some(code), output: "one\ntwo\n".to_owned() };
    let cases = [
        ("lies about success", ended(0), "7", Outcome::Absent),
        ("success", ended(0), "8", Outcome::Done),
        ("lies about failure", ended(1603), "8", Outcome::Done),
        ("half", ended(0), "7.5", Outcome::Partial),
        ("gone, done", ProgramStanding::Gone, "8", Outcome::Done),
        ("gone, absent", ProgramStanding::Gone, "7", Outcome::Absent),
        ("gone, half", ProgramStanding::Gone, "7.5", Outcome::Partial),
    ];
    let order = order(vec![installer()]);
    let memory = memory(vec![begun(&order), Note::Starting, Note::Started]);
    for (name, program, version, expected) in cases {
        let (outcome, message) =
            end_of(&Machine::at(version).with_program(program.clone()).decide(&wish(vec![order.clone()]), &memory));
        assert_eq!(outcome, expected, "{name}");
        assert_eq!(message.contains("exit code 1603"), program == ended(1603), "{message}");
        assert_eq!(message.ends_with("one\ntwo"), program != ProgramStanding::Gone, "{message}");
    }
}

#[test]
fn what_makes_the_machine_quiet_follows_a_program_whose_end_nobody_saw_and_nothing_else_does() {
    let quiet = [Action::SetServiceStart { name: "Web".to_owned(), start: StartType::Disabled }, stop()];
    let follow = Next::Note(vec![Note::Over { exit_code: None }, Note::Reached { files: Vec::new() }]);
    let loud = Action::StartService { name: "Web".to_owned() };
    for version in ["7", "7.5", "8"] {
        let gone = Machine::at(version).with_program(ProgramStanding::Gone);
        for done_when in [vec![is("8")], Vec::new()] {
            let mut quieting = order([vec![installer()], quiet.to_vec()].concat());
            quieting.done_when.clone_from(&done_when);
            let begun = memory(vec![begun(&quieting), Note::Starting, Note::Started]);
            let wish = wish(vec![quieting]);
            for program in [ProgramStanding::Gone, ProgramStanding::Ended { exit_code: None, output: String::new() }] {
                let next = Machine::at(version).with_program(program).decide(&wish, &begun);
                assert_eq!(next, follow, "{version}: evidence decides about the end only");
            }
            assert_ne!(
                gone.decide(&Wish::default(), &begun),
                follow,
                "an order that was withdrawn begins nothing more"
            );
        }
        for rest in [vec![loud.clone()], vec![stop(), loud.clone()], vec![installer()], vec![stop(), installer()]] {
            let order = order([vec![installer()], rest].concat());
            let begun = memory(vec![begun(&order), Note::Starting, Note::Started]);
            let (_, message) = end_of(&gone.decide(&wish(vec![order]), &begun));
            assert!(message.contains("its end was not seen"), "{message}");
        }
    }
}

#[test]
fn an_attempt_whose_program_nobody_saw_end_says_so_when_all_its_actions_are_done() {
    let mut order = order(vec![installer(), stop()]);
    for (done_when, version, expected) in [
        (vec![is("8")], "8", Outcome::Done),
        (vec![is("8")], "7.5", Outcome::Partial),
        (Vec::new(), "8", Outcome::Partial),
        (Vec::new(), "7", Outcome::Absent),
    ] {
        order.done_when = done_when;
        let over = [Note::Starting, Note::Started, Note::Over { exit_code: None }, Note::Reached { files: Vec::new() }];
        let done = [Note::Reached { files: Vec::new() }];
        let memory = memory([vec![begun(&order)], over.to_vec(), done.to_vec()].concat());
        let (outcome, message) = end_of(&Machine::at(version).decide(&wish(vec![order.clone()]), &memory));
        assert_eq!(outcome, expected, "{version}: {message}");
        assert!(message.contains("its end was not seen"), "{message}");
    }
}

#[test]
fn a_failure_text_is_never_done() {
    let order = order(vec![console(true)]);
    let wish = wish(vec![order.clone()]);
    let mut memory = memory(vec![begun(&order), Note::Starting, Note::Started]);
    let output = "step 1\nFATAL: no table\nfinished\n".to_owned();
    let machine = |version| {
        Machine::at(version).with_program(ProgramStanding::Ended { exit_code: Some(0), output: output.clone() })
    };
    assert_eq!(machine("8").decide(&wish, &memory), Next::Note(vec![Note::Failure("FATAL: no table".to_owned())]));
    memory.take(Note::Failure("FATAL: no table".to_owned()), at(5));
    let (outcome, message) = end_of(&machine("8").decide(&wish, &memory));
    assert_eq!(outcome, Outcome::Partial);
    assert!(message.contains("\"FATAL: no table\""), "{message}");
    assert_eq!(end_of(&machine("7").decide(&wish, &memory)).0, Outcome::Absent);
}

#[test]
fn an_unexpected_question_closes_the_console_and_waits_for_the_end() {
    let order = order(vec![console(true)]);
    let wish = wish(vec![order.clone()]);
    let mut memory = memory(vec![begun(&order), Note::Starting, Note::Started]);
    let output = "working\nErase everything (y/n)? ".to_owned();
    let machine = Machine::at("7.5").with_program(ProgramStanding::Running { output, quiet_secs: 60 });
    let question = Note::Question("Erase everything (y/n)?".to_owned());
    assert_eq!(machine.decide(&wish, &memory), Next::Note(vec![question.clone()]));
    memory.take(question, at(70));
    let (next, mut facts) = machine.next(Some(&wish), &memory, Facts::default(), at(70));
    assert_eq!(next, Next::Close);
    facts.console_closed = true;
    assert!(matches!(machine.next(Some(&wish), &memory, facts, at(70)).0, Next::Wait { .. }));
    let ended = Machine::at("7.5").with_program(ProgramStanding::Gone);
    let (outcome, message) = end_of(&ended.decide(&wish, &memory));
    assert_eq!(outcome, Outcome::Partial);
    assert!(message.contains("unexpected question: \"Erase everything (y/n)?\""), "{message}");
}

#[test]
fn a_running_program_is_waited_for_whatever_happens_to_its_order() {
    let order = order(vec![installer(), stop()]);
    let memory = memory(vec![begun(&order), Note::Starting, Note::Started]);
    let running = Machine::at("7.5").with_program(ProgramStanding::Running { output: String::new(), quiet_secs: 0 });
    let mut higher = order.clone();
    (higher.attempt, higher.epoch) = (2, 5);
    for wish in [None, Some(wish(Vec::new())), Some(wish(vec![higher]))] {
        let later = at(1_000_000);
        assert!(matches!(running.next(wish.as_ref(), &memory, Facts::default(), later).0, Next::Wait { .. }));
    }
    assert_eq!(results(&wish(vec![order]), &memory, at(301))[0].phase, OrderPhase::Overdue);
}

#[test]
fn an_attempt_resumed_too_late_does_not_start_its_program() {
    let order = order(vec![installer()]);
    let memory = memory(vec![begun(&order)]);
    let wish = wish(vec![order]);
    let (next, _) = Machine::at("7").next(Some(&wish), &memory, Facts::default(), at(901));
    assert!(end_of(&next).1.contains("too late to start"));
}

#[test]
fn where_a_program_gives_up_the_addresses_that_it_names_are_shown_however_much_it_prints_afterwards() {
    let output = format!("Install the update http://support.microsoft.com/kb/980363.\n{}", "cleaning up\n".repeat(40));
    let order = order(vec![console(true)]);
    let begun = memory(vec![begun(&order), Note::Starting, Note::Seen]);
    let gave_up = |version| {
        let ended = ProgramStanding::Ended { exit_code: Some(1), output: output.clone() };
        end_of(&Machine::at(version).with_program(ended).decide(&wish(vec![order.clone()]), &begun))
    };
    let (outcome, message) = gave_up("7");
    assert_eq!(outcome, Outcome::Absent);
    assert!(message.contains("it names http://support.microsoft.com/kb/980363;"), "{message}");
    assert!(!gave_up("8").1.contains("it names"), "nothing to be done about what went well");
}

//! `kubectl crm`: the command line of crm-operator. Everything that it does is in the library; this is the door.

use std::io::{IsTerminal as _, stderr, stdin, stdout};
use std::process::ExitCode;

use kubectl_crm::streams::Surroundings;
use kubectl_crm::{Screen, Streams, run};

fn main() -> ExitCode {
    let mut streams = Streams {
        input: &mut stdin().lock(),
        out: &mut stdout().lock(),
        err: &mut stderr().lock(),
        screen: screen(),
        attended: stdin().is_terminal() && stderr().is_terminal(),
    };
    run(std::env::args_os(), &mut streams).into()
}

/// What standard output is.
fn screen() -> Screen {
    let terminal = console::Term::stdout();
    let (rows, columns) = terminal.size();
    Screen::of(&Surroundings {
        is_terminal: stdout().is_terminal(),
        is_dumb: console::is_dumb(),
        has_colours: terminal.features().colors_supported(),
        no_color: std::env::var_os("NO_COLOR"),
        columns,
        rows,
    })
}

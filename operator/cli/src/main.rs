//! `kubectl crm`: the command line of crm-operator. Everything that it does is in the library; this is the door.

use std::io::{IsTerminal as _, stderr, stdin, stdout};
use std::process::ExitCode;

use kubectl_crm::{Pace, Screen, Streams, run};

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

/// What standard output is. A terminal that cannot move its cursor gets plain lines, as a pipe does.
fn screen() -> Screen {
    let terminal = console::Term::stdout();
    if !stdout().is_terminal() || console::is_dumb() {
        return Screen::Pipe;
    }
    let (rows, columns) = terminal.size();
    // NO_COLOR (no-color.org): any value but an empty one.
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Screen::Terminal { columns, rows, colours: !plain && terminal.features().colors_supported(), pace: Pace::Watchable }
}

//! The block below the log: where the change stands at this moment. Always the same number of lines, each cut to the
//! width of the screen.

use std::sync::Arc;

use crm_sandbox::story::{Standing, duration_text};
use jiff::SignedDuration;

use crate::paint::{Paint, Tone, cut, width};

/// Lines of the block.
pub const BLOCK_LINES: usize = 7;
/// Widest progress bar.
const BAR_MAX: usize = 40;
/// Width of the names before the values.
const LABEL: usize = 11;

/// Everything that the block shows.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Name of the site.
    pub site: String,
    /// Its product.
    pub product: String,
    /// Simulated time in the site's own zone.
    pub clock: String,
    /// How long users have been out so far.
    pub downtime: SignedDuration,
    /// How the change stands.
    pub standing: Arc<Standing>,
}

/// Draws it.
#[must_use]
pub fn block(moment: &Moment, columns: usize, paint: Paint) -> Vec<String> {
    let standing = &*moment.standing;
    let lines = vec![
        paint.dim(&"─".repeat(columns)),
        heading(moment, columns, paint),
        progress(moment, columns, paint),
        step(standing, columns, paint),
        row("why now", standing.step.as_ref().map_or("", |step| &step.why), columns, paint),
        match &standing.waiting {
            Some(waiting) => row("waits for", &format!("{}: {}", waiting.reason, waiting.message), columns, paint),
            None => row("waits for", "", columns, paint),
        },
        row("ended by", standing.waiting.as_ref().map_or("", |waiting| &waiting.ended_by), columns, paint),
    ];
    debug_assert_eq!(lines.len(), BLOCK_LINES, "a block of another height would leave its remains behind");
    lines
}

fn heading(moment: &Moment, columns: usize, paint: Paint) -> String {
    let standing = &*moment.standing;
    let what = match &standing.hop {
        Some((from, to)) if from == to => format!("{} {to}, settings", moment.product),
        Some((from, to)) => format!("{} {from} -> {to}", moment.product),
        None => moment.product.clone(),
    };
    let plan = standing.change.as_deref().and_then(|change| change.rsplit('-').next());
    let plan = plan.map(|plan| format!("   plan {plan}")).unwrap_or_default();
    let clock = format!("{} ", moment.clock);
    let left = cut(&format!(" {}   {what}{plan}", moment.site), columns.saturating_sub(width(&clock) + 1));
    let gap = columns.saturating_sub(width(&left) + width(&clock));
    format!("{}{}{}", paint.bold(&left), " ".repeat(gap), paint.dim(&clock))
}

/// Step n of m, a bar, and how long users are out.
fn progress(moment: &Moment, columns: usize, paint: Paint) -> String {
    let standing = &*moment.standing;
    let out = match (standing.users_out, moment.downtime.is_zero()) {
        (true, _) => format!("users out for {} ", duration_text(moment.downtime)),
        (false, true) => "users at work ".to_owned(),
        (false, false) => format!("users back, were out {} ", duration_text(moment.downtime)),
    };
    let tone = if standing.users_out { Tone::Warn } else { Tone::Neutral };
    if standing.steps == 0 {
        let gap = columns.saturating_sub(width(&out) + 14);
        return cut_plain(" no change yet", " ".repeat(gap), &out, columns, paint, tone);
    }
    let number = standing.step.as_ref().map_or(standing.verified, |step| step.number);
    let left = format!(" step {number} of {} ", standing.steps);
    let percent = format!(" {:3} % ", standing.verified * 100 / standing.steps);
    let room = columns.saturating_sub(width(&left) + width(&percent) + width(&out) + 2);
    let bar = room.min(BAR_MAX);
    if bar < 8 {
        let gap = columns.saturating_sub(width(&left) + width(&out));
        return cut_plain(&left, " ".repeat(gap), &out, columns, paint, tone);
    }
    let full = bar * standing.verified / standing.steps;
    let gap = columns.saturating_sub(width(&left) + bar + width(&percent) + width(&out));
    format!(
        "{left}{}{}{percent}{}{}",
        paint.tone(Tone::Good, &"█".repeat(full)),
        paint.dim(&"░".repeat(bar - full)),
        " ".repeat(gap),
        paint.tone(tone, &out)
    )
}

fn cut_plain(left: &str, gap: String, right: &str, columns: usize, paint: Paint, tone: Tone) -> String {
    let text = cut(&format!("{left}{gap}{right}"), columns);
    paint.tone(tone, &text)
}

fn step(standing: &Standing, columns: usize, paint: Paint) -> String {
    let Some(step) = &standing.step else {
        let text = match standing.phase.as_str() {
            "" => "the site settles at its old version",
            phase => phase,
        };
        return row("now", text, columns, paint);
    };
    let node = step.node.as_deref().map(|node| format!("{node}: ")).unwrap_or_default();
    let by = match step.by {
        "person" => "a person",
        by => by,
    };
    row("now", &format!("{node}{} ({by})", step.title), columns, paint)
}

fn row(label: &str, value: &str, columns: usize, paint: Paint) -> String {
    if value.is_empty() {
        return String::new();
    }
    let value = cut(value, columns.saturating_sub(LABEL + 1));
    format!(" {}{value}", paint.dim(&format!("{label:LABEL$}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crm_sandbox::story::{StepStanding, WaitStanding};

    fn moment() -> Moment {
        let standing = Standing {
            change: Some("contoso-4f1c09".to_owned()),
            hop: Some(("7.5 SR2".to_owned(), "8.0 SR6".to_owned())),
            phase: "Changing".to_owned(),
            step: Some(StepStanding {
                number: 15,
                id: "upgrade-database@contoso-app".to_owned(),
                title: "upgrade CRM Server and the database schema to 8.0 SR6".to_owned(),
                by: "agent",
                node: Some("contoso-app".to_owned()),
                why: "there is no undo for a schema change but a verified backup".to_owned(),
            }),
            waiting: Some(WaitStanding {
                reason: "Evidence".to_owned(),
                message: "the database shows 8.0.6465".to_owned(),
                ended_by: "the agent of contoso-app".to_owned(),
            }),
            verified: 14,
            steps: 27,
            downtime: SignedDuration::from_mins(41),
            users_out: true,
        };
        Moment {
            site: "contoso".to_owned(),
            product: "SuperOffice".to_owned(),
            clock: "Sat 28 Nov 22:41:07".to_owned(),
            downtime: SignedDuration::from_mins(41),
            standing: Arc::new(standing),
        }
    }

    #[test]
    fn no_line_is_wider_than_the_screen_and_their_number_never_changes() {
        for columns in [40, 57, 80, 140, 300] {
            for moment in [moment(), Moment { standing: Arc::default(), ..moment() }] {
                let lines = block(&moment, columns, Paint::plain());
                assert_eq!(lines.len(), BLOCK_LINES);
                for line in lines {
                    assert!(width(&line) <= columns, "{columns}: {line}");
                }
            }
        }
    }

    #[test]
    fn the_block_says_where_the_change_stands() {
        let text = block(&moment(), 100, Paint::plain()).join("\n");
        for part in [
            "SuperOffice 7.5 SR2 -> 8.0 SR6   plan 4f1c09",
            "step 15 of 27",
            "51 %",
            "users out for 41 min",
            "contoso-app: upgrade CRM Server",
            "no undo for a schema change",
            "the agent of contoso-app",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}

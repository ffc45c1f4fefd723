//! What is printed: a table in Markdown, how each cost grows with the fleet, and the verdict.

use crate::audit::Who;
use crate::measure::{Costs, Fleet, of};
use crate::upgrade::Writes;
use crate::{Plan, fleet, programs};

const MEBIBYTES: f64 = 1024.0 * 1024.0;
/// How fast a cost may grow: the slope of its logarithm over that of the number of sites. 1 is as fast as the fleet; the rest
/// is what two measurements of the same thing may differ by.
const GROWTH_MAX: f64 = 1.1;
/// The same for processor time, which is counted in hundredths of seconds and shared with everybody else on the machine.
const GROWTH_OF_TIME_MAX: f64 = 1.25;

type Value<'a> = (&'a str, Box<dyn Fn(&Fleet) -> String>);

/// Prints everything; whether all is as it must be.
pub(crate) fn show(plan: &Plan, writes: &Writes, fleets: &[Fleet]) -> bool {
    println!("\nMachine: {}.", programs::machine());
    let loads: Vec<&str> = fleets.iter().map(|fleet| fleet.load.as_str()).collect();
    println!("Processes that waited for a core at rest (load average): {}.", loads.join(", "));
    println!(
        "Sites of {} servers each. {} windows of {} s at rest; three numbers are least, median and most.\n",
        fleet::SERVERS,
        plan.windows,
        plan.window_seconds
    );
    let head: Vec<String> = fleets.iter().map(|fleet| format!("{} sites", fleet.sites)).collect();
    println!("| | {} |\n| --- |{}", head.join(" | "), " --- |".repeat(fleets.len()));
    for (name, value) in rows() {
        let values: Vec<String> = fleets.iter().map(value).collect();
        println!("| {name} | {} |", values.join(" | "));
    }
    asked(fleets);
    upgrade(writes);
    let wrote = wrote_at_rest(fleets);
    grows(fleets) && !wrote
}

fn rows() -> Vec<Value<'static>> {
    let mut rows: Vec<Value<'static>> = Vec::new();
    let mut row = |name, value: fn(&Fleet) -> String| rows.push((name, Box::new(value)));
    row("operator: memory at rest, MiB", |fleet| memory(&fleet.operator));
    row("operator: most memory, from its start on this fleet, MiB", |fleet| mebibytes(fleet.operator.peak));
    row("operator: most memory while the fleet was enrolled, MiB", |fleet| mebibytes(fleet.settling_peak));
    row("reflectors: memory at rest, MiB", |fleet| memory(&fleet.reflectors));
    row("reflectors: most memory, from their start, MiB", |fleet| mebibytes(fleet.reflectors.peak));
    row("**ratio: memory at rest, reflectors / operator**", |fleet| {
        format!("{:.1}", of(middle(&fleet.reflectors.memory)) / of(middle(&fleet.operator.memory)).max(1.0))
    });
    row("operator: thousandths of a core at rest", |fleet| thousandths(&fleet.operator));
    row("reflectors: thousandths of a core at rest", |fleet| thousandths(&fleet.reflectors));
    row("operator: API requests per site-hour at rest", |fleet| per_site_hour(fleet, Who::Operator));
    row("agents of a site: API requests per site-hour at rest", |fleet| per_site_hour(fleet, Who::Agents));
    row("reflectors: API requests per site-hour at rest", |fleet| per_site_hour(fleet, Who::Reflectors));
    row("writes at rest besides signs of life", |fleet| fleet.writes_at_rest().values().sum::<u64>().to_string());
    row("changed declaration to visible order: p50, p99 and longest of n, s", |fleet| {
        format!(
            "{:.2}, {:.2}, {:.2} of {}",
            quantile(&fleet.orders, 0.5),
            quantile(&fleet.orders, 0.99),
            quantile(&fleet.orders, 1.0),
            fleet.orders.len()
        )
    });
    row("start on the fleet until every site was looked at, s", |fleet| format!("{:.0}", fleet.looked_after));
    row("empty cluster until every site was up to date, s", |fleet| format!("{:.0}", fleet.settled_after));
    row("writes of the operator until then, per site", |fleet| {
        let by_operator = fleet.settling.writes.iter().filter(|((who, _), _)| *who == Who::Operator);
        format!("{:.1}", of(by_operator.map(|(_, count)| count).sum::<u64>()) / of(fleet.sites))
    });
    row("control plane (etcd, API server and the rest): thousandths of a core at rest", |fleet| {
        thousandths(&fleet.control_plane)
    });
    row("control plane: memory at rest, MiB", |fleet| memory(&fleet.control_plane));
    row("all agents and simulated machines: thousandths of a core at rest", |fleet| thousandths(&fleet.machines));
    row("all agents and simulated machines: memory at rest, MiB", |fleet| memory(&fleet.machines));
    rows
}

/// What the operator asks for at rest.
fn asked(fleets: &[Fleet]) {
    println!("\nWhat the operator asks in a site-hour at rest:\n");
    let head: Vec<String> = fleets.iter().map(|fleet| format!("{} sites", fleet.sites)).collect();
    println!("| | {} |\n| --- |{}", head.join(" | "), " --- |".repeat(fleets.len()));
    let each: Vec<_> = fleets.iter().map(Fleet::asked_by_operator).collect();
    let mut all: Vec<&String> = each.iter().flat_map(|asked| asked.keys()).collect();
    all.sort();
    all.dedup();
    for what in all {
        let values: Vec<String> =
            each.iter().map(|asked| format!("{:.1}", asked.get(what).copied().unwrap_or_default())).collect();
        println!("| {what} | {} |", values.join(" | "));
    }
}

fn upgrade(writes: &Writes) {
    let controller: usize = writes.controller.values().sum();
    let kinds: Vec<String> = writes.controller.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    println!(
        "\nA whole upgrade of such a site, played in the sandbox ({} simulated minutes): {controller} writes of the controller \
         ({}), {} of the agents, signs of life included.",
        writes.took.as_mins(),
        kinds.join(", "),
        writes.agents
    );
}

/// Says what was written at rest; whether anything was.
fn wrote_at_rest(fleets: &[Fleet]) -> bool {
    let mut wrote = false;
    for fleet in fleets {
        for ((who, what), count) in fleet.writes_at_rest() {
            wrote = true;
            println!("\nNOT AT REST: {} sites: {who:?}: {count} times {what}", fleet.sites);
        }
    }
    wrote
}

/// Says how costs grow; whether none grows faster than the fleet.
fn grows(fleets: &[Fleet]) -> bool {
    type Cost = (&'static str, f64, fn(&Fleet) -> f64);
    let costs: [Cost; 4] = [
        ("memory at rest", GROWTH_MAX, |fleet| of(middle(&fleet.operator.memory))),
        ("most memory", GROWTH_MAX, |fleet| of(fleet.operator.peak.max(fleet.settling_peak))),
        ("API requests at rest", GROWTH_MAX, |fleet| {
            of(fleet.at_rest.iter().map(|window| window.of(Who::Operator)).sum::<u64>())
        }),
        ("processor time at rest", GROWTH_OF_TIME_MAX, |fleet| fleet.operator.cores.iter().sum()),
    ];
    println!();
    let mut all_well = true;
    for (name, most, cost) in costs {
        let points: Vec<(f64, f64)> = fleets.iter().map(|fleet| (of(fleet.sites), cost(fleet).max(1e-9))).collect();
        let Some(slope) = slope(&points) else {
            println!("How costs grow is told by two sizes of fleet and more.");
            return true;
        };
        let verdict = if slope <= most { "no faster than the fleet" } else { "TOO FAST" };
        println!("Growth of the operator's {name}: sites^{slope:.2} (at most {most}): {verdict}.");
        all_well &= slope <= most;
    }
    all_well
}

/// Slope of the straight line that fits best through the logarithms.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().map(|(sites, cost)| (sites.ln(), cost.ln())).collect();
    let mean = |value: fn(&(f64, f64)) -> f64| logs.iter().map(value).sum::<f64>() / of(logs.len());
    let (middle_x, middle_y) = (mean(|(x, _)| *x), mean(|(_, y)| *y));
    let spread: f64 = logs.iter().map(|(x, _)| (x - middle_x).powi(2)).sum();
    let together: f64 = logs.iter().map(|(x, y)| (x - middle_x) * (y - middle_y)).sum();
    (spread > 0.0).then_some(together / spread)
}

fn per_site_hour(fleet: &Fleet, who: Who) -> String {
    let rates = fleet.requests_per_site_hour(who);
    let total: f64 = rates.iter().zip(&fleet.windows).map(|(rate, seconds)| rate * seconds).sum();
    format!("{:.1} (windows: {})", total / fleet.windows.iter().sum::<f64>(), spread(&rates, 1))
}

fn memory(costs: &Costs) -> String {
    spread(&costs.memory.iter().map(|bytes| of(*bytes) / MEBIBYTES).collect::<Vec<_>>(), 1)
}

fn thousandths(costs: &Costs) -> String {
    spread(&costs.cores.iter().map(|cores| cores * 1000.0).collect::<Vec<_>>(), 1)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1}", of(bytes) / MEBIBYTES)
}

/// Least, median and most.
fn spread(values: &[f64], digits: usize) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let shown = [0.0, 0.5, 1.0].map(|place| format!("{:.digits$}", quantile(&sorted, place)));
    shown.join(" / ")
}

/// The value below which that part of all sorted ones lies.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a short list")]
    let place = (of(last) * part).round() as usize;
    sorted.get(place.min(last)).copied().unwrap_or_default()
}

fn middle(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

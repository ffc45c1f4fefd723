//! One size of fleet, from an empty control plane to its end: it is enrolled and settles, operator and reflectors are started
//! (again) on what is there, everybody rests, and then some declarations are changed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use crm_api::CrmSite;
use kube::Api;
use kube::api::ListParams;
use tokio::time::Instant;

use crate::audit::{self, Requests, Who};
use crate::cluster::{self, ControlPlane};
use crate::programs::{self, Process, Running};
use crate::{Plan, changes, fleet};

/// How often a condition is looked at again, and memory while everybody rests.
const AGAIN: Duration = Duration::from_secs(1);
/// A fleet that has not settled by then does not settle, for each site of it and at least.
const SETTLE_EACH: Duration = Duration::from_secs(3);
const SETTLE_LEAST: Duration = Duration::from_secs(180);
/// Nobody has written for so long: everybody rests.
const QUIET: Duration = Duration::from_secs(20);
/// Between two lists of all sites.
const BETWEEN_LISTS: Duration = Duration::from_secs(4);
/// Sites on a page of a list.
const PAGE: u32 = 500;

/// What one size of fleet came to.
pub(crate) struct Fleet {
    pub(crate) sites: usize,
    /// From an empty control plane until every site was up to date, in seconds.
    pub(crate) settled_after: f64,
    /// The operator through that: the most memory, and what it asked and wrote.
    pub(crate) settling_peak: u64,
    pub(crate) settling: Requests,
    /// The operator's start on a fleet that had settled: until it had looked at every site, in seconds.
    pub(crate) looked_after: f64,
    pub(crate) operator: Costs,
    pub(crate) reflectors: Costs,
    pub(crate) control_plane: Costs,
    pub(crate) machines: Costs,
    /// Requests at rest, by window.
    pub(crate) at_rest: Vec<Requests>,
    /// Length of each window, in seconds.
    pub(crate) windows: Vec<f64>,
    /// From a changed declaration to its first order, in seconds, shortest first.
    pub(crate) orders: Vec<f64>,
    /// How many processes waited for a core while everybody rested.
    pub(crate) load: String,
}

/// What a process cost at rest.
#[derive(Default)]
pub(crate) struct Costs {
    /// Memory second by second, in bytes.
    pub(crate) memory: Vec<u64>,
    /// The most that it had from its start on.
    pub(crate) peak: u64,
    /// Cores that worked for it, by window.
    pub(crate) cores: Vec<f64>,
}

/// Measures one size.
///
/// # Errors
/// When something does not start, does not settle, or is refused.
pub(crate) async fn measure(plan: &Plan, sites: usize) -> anyhow::Result<Fleet> {
    let dir = plan.dir.join(format!("{sites}-sites"));
    std::fs::create_dir_all(&dir)?;
    let begun = Instant::now();
    let plane = ControlPlane::start(&plan.repository, &dir.join("cluster"), sites).await?;
    say(begun, &format!("control plane at {}, log of requests {}", plane.url(), plane.audit_log.display()));
    plane.enrol(sites).await?;
    say(begun, "sites declared, servers enrolled");

    let kubeconfig = plane.kubeconfig.to_string_lossy().into_owned();
    let number = sites.to_string();
    let arguments = ["machines", "--kubeconfig", &kubeconfig, "--sites", &number];
    let mut machines = Running::start("crm-scale", &arguments, &dir.join("machines.log"))?;
    let sql = machines.says("sql ").await?;
    let (operator, _) = start_operator(&plane, &sql, &dir.join("operator-1.log")).await?;
    machines.says("agents started").await?;
    say(begun, "agents started");
    let patience = SETTLE_LEAST.max(SETTLE_EACH * u32::try_from(sites)?);
    until("every site is up to date", patience, async || Ok(up_to_date(&plane).await? == sites)).await?;
    let settled_after = begun.elapsed().as_secs_f64();
    until("nobody writes", patience, async || is_quiet(&plane).await).await?;
    let settling = audit::between(&plane.audit_log, 0, audit::end(&plane.audit_log)?)?;
    let settling_peak = operator.process.memory_peak()?;
    operator.end().await;
    say(begun, &format!("settled after {settled_after:.0} s"));

    let again = Instant::now();
    let (operator, address) = start_operator(&plane, &sql, &dir.join("operator-2.log")).await?;
    let reflectors_config = plane.identity(cluster::REFLECTORS).await?;
    let arguments = ["--kubeconfig", &reflectors_config.to_string_lossy()];
    let reflectors = Running::start("crm-scale-reflectors", &arguments, &dir.join("reflectors.log"))?;
    until("the operator has looked at every site", patience, async || has_looked(&address, sites).await).await?;
    let looked_after = again.elapsed().as_secs_f64();
    until("nobody writes", patience, async || is_quiet(&plane).await).await?;
    say(begun, &format!("operator and reflectors started on it; every site looked at after {looked_after:.0} s"));

    let processes = [operator.process, reflectors.process, plane.process, machines.process];
    let Rest { costs: [operator_costs, reflectors_costs, control_plane, machine_costs], at_rest, windows } =
        rest(plan, &plane, processes).await?;
    let load = programs::load();
    say(begun, "rest is measured");
    let orders = changes::until_ordered(&plane.client, plan.changes.min(sites)).await?;
    say(begun, "changes are measured");
    for program in [operator, reflectors, machines] {
        program.end().await;
    }
    plane.end().await;
    if !plan.keep {
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(Fleet {
        sites,
        settled_after,
        settling_peak,
        settling,
        looked_after,
        operator: operator_costs,
        reflectors: reflectors_costs,
        control_plane,
        machines: machine_costs,
        at_rest,
        windows,
        orders,
        load,
    })
}

/// The operator with its own identity, and the address of its metrics.
async fn start_operator(plane: &ControlPlane, sql: &str, log: &Path) -> anyhow::Result<(Running, String)> {
    let address = programs::free_address()?;
    let kubeconfig = plane.identity(cluster::OPERATOR).await?;
    let kubeconfig = kubeconfig.to_string_lossy();
    let namespace = ["--namespace", cluster::OPERATOR];
    let arguments = [&["--sql", sql, "--kubeconfig", &kubeconfig, "--listen", &address][..], &namespace[..]].concat();
    Ok((Running::start("crm-scale-operator", &arguments, log)?, address))
}

struct Rest {
    costs: [Costs; 4],
    at_rest: Vec<Requests>,
    windows: Vec<f64>,
}

/// Lets everybody rest for all windows, and looks.
async fn rest(plan: &Plan, plane: &ControlPlane, processes: [Process; 4]) -> anyhow::Result<Rest> {
    let mut rest = Rest { costs: Default::default(), at_rest: Vec::new(), windows: Vec::new() };
    for _ in 0..plan.windows {
        let (begun, from) = (Instant::now(), audit::end(&plane.audit_log)?);
        let worked = worked(processes)?;
        while begun.elapsed() < Duration::from_secs(plan.window_seconds) {
            for (costs, process) in rest.costs.iter_mut().zip(processes) {
                costs.memory.push(process.memory()?);
            }
            tokio::time::sleep(AGAIN).await;
        }
        let seconds = begun.elapsed().as_secs_f64();
        for ((costs, after), before) in rest.costs.iter_mut().zip(self::worked(processes)?).zip(worked) {
            costs.cores.push((after - before) / seconds);
        }
        rest.at_rest.push(audit::between(&plane.audit_log, from, audit::end(&plane.audit_log)?)?);
        rest.windows.push(seconds);
    }
    for (costs, process) in rest.costs.iter_mut().zip(processes) {
        costs.peak = process.memory_peak()?;
    }
    Ok(rest)
}

fn worked(processes: [Process; 4]) -> anyhow::Result<Vec<f64>> {
    processes.into_iter().map(Process::processor_seconds).collect()
}

/// How many sites are up to date.
async fn up_to_date(plane: &ControlPlane) -> anyhow::Result<usize> {
    // A list of a large fleet is work for the API server, which has enough of it meanwhile.
    tokio::time::sleep(BETWEEN_LISTS).await;
    let api: Api<CrmSite> = Api::namespaced(plane.client.clone(), fleet::NAMESPACE);
    let (mut count, mut params) = (0, ListParams::default().limit(PAGE));
    loop {
        let page = api.list(&params).await?;
        let is = |site: &&CrmSite| {
            let conditions = site.status.iter().flat_map(|status| &status.conditions);
            conditions.into_iter().any(|condition| condition.type_ == "UpToDate" && condition.status == "True")
        };
        count += page.items.iter().filter(is).count();
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(count),
        }
    }
}

/// Whether operator and agents write nothing for a while but signs of life.
async fn is_quiet(plane: &ControlPlane) -> anyhow::Result<bool> {
    let from = audit::end(&plane.audit_log)?;
    tokio::time::sleep(QUIET).await;
    Ok(audit::between(&plane.audit_log, from, audit::end(&plane.audit_log)?)?.writes.is_empty())
}

/// Whether every site has had its first round.
async fn has_looked(address: &str, sites: usize) -> anyhow::Result<bool> {
    // Before it listens there is nothing to be read.
    let read = async |name: &str| programs::metric(address, name).await.unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a fleet is not that large")]
    let all = sites as f64;
    Ok(read("crm_operator_sites").await >= all && read("crm_operator_queue_sites{state=\"running\"}").await < 1.0)
}

/// Asks again and again until it is so.
///
/// # Errors
/// When it is not so in time, or asking fails.
pub(crate) async fn until(
    what: &str,
    patience: Duration,
    mut is_so: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !is_so().await? {
        if begun.elapsed() > patience {
            bail!("not so after {} seconds: {what}", patience.as_secs());
        }
        tokio::time::sleep(AGAIN).await;
    }
    Ok(())
}

fn say(begun: Instant, what: &str) {
    eprintln!("{:5.0} s  {what}", begun.elapsed().as_secs_f64());
}

impl Fleet {
    /// What operator and agents wrote at rest besides signs of life.
    pub(crate) fn writes_at_rest(&self) -> BTreeMap<(Who, String), u64> {
        let mut all = BTreeMap::new();
        for (what, count) in self.at_rest.iter().flat_map(|window| window.writes.clone()) {
            *all.entry(what).or_default() += count;
        }
        all
    }

    /// Requests of somebody in a site-hour at rest, by window.
    pub(crate) fn requests_per_site_hour(&self, who: Who) -> Vec<f64> {
        let rate = |(window, seconds): (&Requests, &f64)| of(window.of(who)) / seconds * 3600.0 / of(self.sites);
        self.at_rest.iter().zip(&self.windows).map(rate).collect()
    }

    /// What the operator asked in a site-hour at rest, by verb and resource.
    pub(crate) fn asked_by_operator(&self) -> BTreeMap<String, f64> {
        let hours = self.windows.iter().sum::<f64>() / 3600.0 * of(self.sites);
        let mut all: BTreeMap<String, f64> = BTreeMap::new();
        for ((who, what), count) in self.at_rest.iter().flat_map(|window| &window.all) {
            if *who == Who::Operator {
                *all.entry(what.clone()).or_default() += of(*count) / hours;
            }
        }
        all
    }
}

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "nothing here is counted that far")]
pub(crate) fn of(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}

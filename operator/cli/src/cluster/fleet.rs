//! `drift`: what differs from what was proven, over all sites.

use crm_api::condition::{Kind, find};
use crm_api::site::{CrmSite, Finding, WindowsSpec};
use crm_plan::windows::local;
use serde::Serialize;

use super::read;
use super::show::{document, table};
use crate::arguments::Format;
use crate::arguments::cluster::DriftArguments;
use crate::words::counted;
use crate::{Connection, Exit, Failure, Streams};

/// The answer. Programs may rely on the names of its fields.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftReport {
    api_version: &'static str,
    kind: &'static str,
    /// Sites that differ.
    pub drifted: usize,
    /// Sites of which it cannot be told.
    pub unknown: usize,
    /// Every site, by namespace and name.
    pub sites: Vec<SiteDrift>,
}

/// One site.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteDrift {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub site: String,
    /// The release at which it was last proven to be.
    pub verified: Option<String>,
    /// `none`, `drifted` or `unknown`.
    pub drift: &'static str,
    /// Why it cannot be told.
    pub why_unknown: Option<String>,
    /// What differs.
    pub differences: Vec<Finding>,
    /// The site's windows, which say in whose time a moment is told.
    #[serde(skip)]
    windows: Option<WindowsSpec>,
}

/// Runs `drift`.
///
/// # Errors
/// When there is no such site, the cluster does not answer, or the output ends.
pub async fn drift(
    connection: &Connection,
    wanted: &DriftArguments,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let here = (!wanted.all_namespaces).then_some(connection.namespace.as_str());
    let sites = match &wanted.site {
        Some(name) => vec![read::site(connection, name).await?],
        None => read::list::<CrmSite>(connection, "list sites", here).await?,
    };
    let report = report(&sites);
    match wanted.output {
        Format::Text => text(&report, streams)?,
        format => document(format, &report, streams.out)?,
    }
    Ok(match (report.drifted, report.unknown) {
        (0, 0) => Exit::Good,
        (0, _) => Exit::Waiting,
        (_, _) => Exit::No,
    })
}

/// What is known of these sites.
#[must_use]
pub fn report(sites: &[CrmSite]) -> DriftReport {
    let mut sites: Vec<SiteDrift> = sites.iter().map(of).collect();
    sites.sort_by(|one, other| (&one.namespace, &one.site).cmp(&(&other.namespace, &other.site)));
    let count = |word: &str| sites.iter().filter(|site| site.drift == word).count();
    DriftReport {
        api_version: crm_api::API_VERSION,
        kind: "DriftReport",
        drifted: count("drifted"),
        unknown: count("unknown"),
        sites,
    }
}

fn of(site: &CrmSite) -> SiteDrift {
    let status = site.status.clone().unwrap_or_default();
    let differences: Vec<Finding> = status.findings.into_iter().filter(|finding| finding.class.is_some()).collect();
    let drifted = find(&status.conditions, Kind::Drifted);
    let fresh = find(&status.conditions, Kind::FactsFresh);
    let why_unknown = match (drifted, fresh) {
        (None, _) => Some("the controller has not looked at this site yet".to_owned()),
        (Some(drifted), _) if drifted.status == "Unknown" => Some(drifted.message.clone()),
        (Some(_), Some(fresh)) if fresh.status != "True" => Some(fresh.message.clone()),
        (Some(_), _) => None,
    };
    let drift = match (differences.is_empty(), &why_unknown) {
        (false, _) => "drifted",
        (true, Some(_)) => "unknown",
        (true, None) => "none",
    };
    SiteDrift {
        namespace: site.metadata.namespace.clone().unwrap_or_default(),
        site: site.metadata.name.clone().unwrap_or_default(),
        verified: status.verified.map(|verified| verified.version),
        drift,
        why_unknown,
        differences,
        windows: site.spec.windows.clone(),
    }
}

fn text(report: &DriftReport, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for site in &report.sites {
        let row = |class: &str, severity: &str, node: &str, since: &str, policy: &str, what: String| {
            let verified = site.verified.clone().unwrap_or_else(|| "-".to_owned());
            let cells = [site.namespace.as_str(), &site.site, &verified, class, severity, node, since, policy, &what];
            cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<String>>()
        };
        rows.extend(site.differences.iter().map(|finding| {
            let class = finding.class.as_deref().unwrap_or_default();
            let what = format!("{}; remedy: {}", finding.message, finding.remedy);
            let since = finding.since.as_ref().map_or("-".to_owned(), |since| local(site.windows.as_ref(), since.0));
            let (severity, node) = (format!("{:?}", finding.severity), finding.node.as_deref().unwrap_or("-"));
            row(class, &severity, node, &since, finding.policy.as_deref().unwrap_or("Report"), what)
        }));
        if let (true, Some(why)) = (site.differences.is_empty(), &site.why_unknown) {
            rows.push(row("unknown", "-", "-", "-", "-", why.clone()));
        }
    }
    if !rows.is_empty() {
        let heads =
            ["NAMESPACE", "SITE", "VERIFIED", "CLASS", "SEVERITY", "NODE", "SINCE", "POLICY", "WHAT AND REMEDY"];
        table(&heads, &rows, streams)?;
    }
    let all = report.sites.len();
    let good = all - report.drifted - report.unknown;
    let (drifted, unknown) = (report.drifted, report.unknown);
    writeln!(streams.out, "{}: {good} as verified, {drifted} drifted, {unknown} not known", counted(all, "site"))?;
    Ok(())
}

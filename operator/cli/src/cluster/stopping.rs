//! `stop`: nothing more is begun between any two steps, at any site of a namespace or of the cluster; and its end.

use crm_api::change::CrmChange;
use crm_api::decision::{CrmDecision, Word};
use crm_api::site::CrmSite;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::DeleteParams;

use super::read::{get, list};
use super::say::{About, Statement, confirmed, printed, say};
use super::standing::reason;
use crate::arguments::cluster::DryRun;
use crate::arguments::standing::StopArguments;
use crate::connection::refused;
use crate::words::counted;
use crate::{Connection, Exit, Failure, Streams};

/// Runs `stop`.
///
/// # Errors
/// When no reason is given, the cluster refuses, or it cannot be said.
pub async fn stop(connection: &Connection, wanted: &StopArguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let mut stops = list::<CrmDecision>(connection, "list decisions", Some(&connection.namespace)).await?;
    stops.retain(|decision| decision.spec.word == Word::Stop);
    if wanted.off {
        return off(connection, wanted, &stops, streams).await;
    }
    if let Some(stop) = stops.first() {
        let (name, user) = (stop.metadata.name.as_deref().unwrap_or_default(), &stop.spec.user);
        writeln!(streams.err, "stopped already, by {user}: CrmDecision {name}")?;
        return Ok(Exit::Good);
    }
    let reason = reason(&wanted.saying, "stop")?;
    let statement = Statement {
        site: "",
        about: About::Sites,
        word: Word::Stop,
        step: None,
        occasion: None,
        reason: Some(reason),
        expires_at: None,
        consequences: consequences(connection).await?,
    };
    say(connection, statement, &wanted.saying, streams).await
}

/// What a stop does at this moment: how many sites it stands over, and which it leaves closed.
async fn consequences(connection: &Connection) -> Result<Vec<(&'static str, String)>, Failure> {
    let namespace = &connection.namespace;
    // Where the controller keeps its Lease is its own namespace: there, a stop stands over all.
    let own = get::<Lease>(connection, "read the operator's Lease", crm_api::CONTROLLER).await?.is_some();
    let scope = (!own).then_some(namespace.as_str());
    let sites = list::<CrmSite>(connection, "list sites", scope).await?;
    let changes = list::<CrmChange>(connection, "list changes", scope).await?;
    let over = if own { ", the operator's own namespace: every site of the cluster" } else { "" };
    let mut found = vec![("over", format!("{}{over}", counted(sites.len(), "site")))];
    let under_way = changes.iter().filter(|change| {
        let status = change.status.as_ref();
        status.is_some_and(|status| !status.phase.is_over() && status.closed_at.is_some() && status.opened_at.is_none())
    });
    for change in under_way {
        let namespace = change.metadata.namespace.as_deref().unwrap_or_default();
        found.push(("closed", format!("{namespace}/{}: its users stay out until the stop ends", change.spec.site)));
    }
    found.push(("then", "steps that run are let end; no further step begins, not even one that takes back".to_owned()));
    found.push(("ends", format!("when somebody says: kubectl crm stop --off -n {namespace}")));
    Ok(found)
}

async fn off(
    connection: &Connection,
    wanted: &StopArguments,
    stops: &[CrmDecision],
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let namespace = &connection.namespace;
    if stops.is_empty() {
        writeln!(streams.err, "no stop stands in namespace {namespace}")?;
        return Ok(Exit::Good);
    }
    // A program that reads the answer reads objects only.
    let told = if wanted.saying.output.is_some() { &mut *streams.err } else { &mut *streams.out };
    for stop in stops {
        let (name, user) = (stop.metadata.name.as_deref().unwrap_or_default(), &stop.spec.user);
        let reason = stop.spec.reason.as_deref().unwrap_or_default();
        writeln!(told, "{:11}{name}, by {user}: {reason}", "ends")?;
    }
    writeln!(told, "{:11}what was stopped goes on where it stood", "then")?;
    if wanted.saying.dry_run == Some(DryRun::Client) {
        writeln!(streams.err, "(nothing was sent)")?;
        return Ok(Exit::Good);
    }
    if wanted.saying.dry_run.is_none() && !wanted.saying.yes && !confirmed(streams)? {
        writeln!(streams.err, "nothing was ended")?;
        return Ok(Exit::No);
    }
    let api: Api<CrmDecision> = Api::namespaced(connection.client.clone(), namespace);
    let params = DeleteParams { dry_run: wanted.saying.dry_run.is_some(), ..DeleteParams::default() };
    let done = if params.dry_run { "would be deleted (checked by the API server)" } else { "deleted" };
    for stop in stops {
        let name = stop.metadata.name.as_deref().unwrap_or_default();
        match api.delete(name, &params).await {
            Ok(_) => match wanted.saying.output {
                Some(output) => printed(stop, output, done, streams)?,
                None => writeln!(streams.out, "crmdecision/{name} {done}")?,
            },
            // Somebody else was faster: it is ended.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(refused("delete a CrmDecision", &error)),
        }
    }
    Ok(Exit::Good)
}

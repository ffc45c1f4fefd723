//! What is expected of a whole change that a person brings about with one line.

use super::reading::Place;
use super::terminal::Terminal;

/// The line, what is seen of it while it goes on, and that it comes to its end.
pub fn one_patched_line_is_all_it_takes(terminal: &Terminal, place: &Place<'_>, goal: &str) {
    let Place { namespace, site, .. } = *place;
    let mut sites = terminal.follow(&["get", "crmsite", "-n", namespace, "-w"]);
    sites.until(&[site, place.version, "True"]);
    let mut changes = terminal.follow(&["get", "crmchange", "-n", namespace, "-w", "-o", "name"]);
    let patch = format!(r#"{{"spec":{{"version":"{goal}"}}}}"#);
    let patched = terminal.run(&["patch", "crmsite", site, "-n", namespace, "--type", "merge", "-p", &patch]);
    assert_eq!(patched.out.trim(), format!("crmsite.crm-operator.io/{site} patched"));
    sites.until(&[site, goal, "False"]);
    changes.until(&[&format!("crmchange.crm-operator.io/{site}-")]);
    let object = format!("crmsite/{site}");
    let proven = format!("--for=jsonpath={{.status.verified.version}}={goal}");
    terminal.run(&["wait", &proven, &object, "-n", namespace, "--timeout=500s"]).shows(&["condition met"]);
    terminal
        .run(&["wait", "--for=condition=UpToDate", &object, "-n", namespace, "--timeout=500s"])
        .shows(&["condition met"]);
    sites.until(&[site, goal, "True"]);
    let changes = terminal.run(&["get", "crmchange", "-n", namespace, "-o", "name"]);
    let change = changes.out.trim().replacen("crmchange.crm-operator.io", "crmchange", 1);
    terminal.run(&["events", "-n", namespace, "--for", &change]).shows(&["ApprovalNeeded", "Succeeded"]);
    terminal.run(&["get", "crm", "-n", namespace]).shows(&["crmchange.crm-operator.io/", "crmbackup.crm-operator.io/"]);
    terminal.run(&["describe", "crmchange", "-n", namespace]).shows(&["Phase:", "Succeeded", "Plan Hash:"]);
}

/// `kubectl crm`, the plugin, by the same kubeconfig.
pub fn the_plugin_finds_the_same_cluster(terminal: &Terminal, place: &Place<'_>) {
    terminal.run(&["crm", "status", place.site]).shows(&[place.site, place.version]);
    terminal.run(&["crm", "explain", place.site, "-n", place.namespace]).shows(&[place.site, place.version]);
    let nobody = terminal.says(&["crm", "explain", "fabrikam"]);
    assert_eq!(nobody.code, 1, "{nobody:?}");
}

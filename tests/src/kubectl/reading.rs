//! What is expected of the commands that only look.

use super::terminal::Terminal;

/// Where a site is at rest.
pub struct Place<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub site: &'a str,
    /// Its version at rest.
    pub version: &'a str,
    /// One of its servers.
    pub node: &'a str,
}

/// `version`, `api-resources`, `api-versions`, `get --raw`.
pub fn the_server_says_what_it_is(terminal: &Terminal) {
    terminal.run(&["version"]).shows(&["Client Version: v", "Server Version: v1."]);
    let resources = terminal.run(&["api-resources", "--api-group=crm-operator.io", "--no-headers"]);
    assert_eq!(resources.row("crmsites"), ["crmsites", "crms", "crm-operator.io/v1alpha1", "true", "CrmSite"]);
    assert_eq!(
        resources.row("crmreleases"),
        ["crmreleases", "crmr", "crm-operator.io/v1alpha1", "false", "CrmRelease"]
    );
    assert_eq!(resources.out.lines().count(), 6, "{}", resources.out);
    terminal.run(&["api-versions"]).shows(&["crm-operator.io/v1alpha1", "events.k8s.io/v1", "coordination.k8s.io/v1"]);
    for path in ["/readyz", "/healthz", "/livez"] {
        assert_eq!(terminal.run(&["get", "--raw", path]).out, "ok", "{path}");
    }
    let unknown = terminal.says(&["get", "crmpalace"]);
    assert!(unknown.code != 0 && unknown.err.contains("doesn't have a resource type \"crmpalace\""), "{unknown:?}");
}

/// `get`, in all the forms in which people and programs want it.
pub fn objects_are_listed_in_the_columns_of_their_definitions(terminal: &Terminal, place: &Place<'_>) {
    let Place { namespace, site, version, node } = *place;
    let sites = terminal.run(&["get", "crmsite", "-n", namespace]);
    assert_eq!(
        sites.row("NAME"),
        ["NAME", "PRODUCT", "WANTED", "VERIFIED", "READY", "UPTODATE", "DRIFT", "WHY", "AGE"],
    );
    sites.shows(&[site, version, "SuperOffice"]);
    terminal.run(&["get", "crms", site, "-n", namespace, "-o", "wide"]).shows(&["NEXT WINDOW", "CHANGE"]);
    // A category: every kind of ours, each a table of its own, named by kind.
    let all = terminal.run(&["get", "crm", "-n", namespace]);
    all.shows(&[&format!("crmsite.crm-operator.io/{site}"), &format!("crmnode.crm-operator.io/{node}")]);
    all.shows(&["crmrelease.crm-operator.io/"]);
    terminal.run(&["get", "crmsite", "-A"]).shows(&["NAMESPACE", namespace]);
    let name = terminal.run(&["get", "crmsite", "-n", namespace, "-o", "name"]);
    assert_eq!(name.out.trim(), format!("crmsite.crm-operator.io/{site}"));
    let path = "jsonpath={.items[*].spec.version}";
    assert_eq!(terminal.run(&["get", "crmsite", "-n", namespace, "-o", path]).out, version);
    let yaml = terminal.run(&["get", "crmsite", site, "-n", namespace, "-o", "yaml"]);
    yaml.shows(&["apiVersion: crm-operator.io/v1alpha1", "kind: CrmSite", "status:"]);
    assert!(!yaml.out.contains("managedFields"), "{}", yaml.out);
    let some = ["get", "crmnode", "-n", namespace, "--field-selector", &format!("metadata.name={node}"), "-o", "name"];
    assert_eq!(terminal.run(&some).out.trim(), format!("crmnode.crm-operator.io/{node}"));
    let none = terminal.run(&["get", "crmsite", "-n", namespace, "-l", "no=body"]);
    assert!(none.out.is_empty() && none.err.contains("No resources found"), "{none:?}");
    let missing = terminal.says(&["get", "crmsite", "fabrikam", "-n", namespace]);
    assert_eq!(missing.code, 1);
    assert_eq!(missing.err.trim(), "Error from server (NotFound): crmsites.crm-operator.io \"fabrikam\" not found");
    let namespaces = terminal.run(&["get", "ns"]);
    assert_eq!(namespaces.row(namespace)[1], "Active");
    assert_eq!(terminal.run(&["get", "secret", "-n", namespace]).row("NAME"), ["NAME", "TYPE", "DATA", "AGE"]);
    terminal.run(&["get", "lease", "-n", namespace]).shows(&["HOLDER", node]);
}

/// `explain`, down to the last field.
pub fn every_field_is_explained(terminal: &Terminal) {
    let spec = terminal.run(&["explain", "crmsite.spec"]);
    spec.shows(&["GROUP:      crm-operator.io", "KIND:       CrmSite", "VERSION:    v1alpha1", "FIELD: spec <Object>"]);
    spec.shows(&["What a person declares"]);
    let all = terminal.run(&["explain", "crmsite.spec", "--recursive"]);
    // Enumerations stand with their values, lists with what they hold.
    all.shows(&[
        "approval",
        "enum: ",
        "database\t<Object> -required-",
        "credentialsRef",
        "windows",
        "version\t<string>",
    ]);
    let field = terminal.run(&["explain", "crms.spec.version"]);
    field.shows(&["FIELD: version <string>", "DESCRIPTION:"]);
    for kind in ["crmnode", "crmrelease", "crmchange", "crmbackup", "crmdecision"] {
        terminal.run(&["explain", kind]).shows(&[
            "GROUP:      crm-operator.io",
            "spec\t<Object>",
            "metadata\t<ObjectMeta>",
        ]);
    }
    let unknown = terminal.says(&["explain", "crmsite.spec.colour"]);
    assert!(unknown.code != 0 && unknown.err.contains("field \"colour\" does not exist"), "{unknown:?}");
}

/// `describe`, `events`, `get events`.
pub fn what_happened_is_told(terminal: &Terminal, place: &Place<'_>) {
    let Place { namespace, site, .. } = *place;
    let described = terminal.run(&["describe", "crmsite", site, "-n", namespace]);
    described.shows(&["Name:         ", site, "Kind:         CrmSite", "Spec:", "Status:", "Conditions:", "Events:"]);
    let events = terminal.run(&["get", "events", "-n", namespace]);
    assert_eq!(events.row("LAST"), ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]);
    events.shows(&[&format!("crmsite/{site}")]);
    let own = terminal.run(&["events", "-n", namespace, "--for", &format!("crmsite/{site}")]);
    own.shows(&["LAST SEEN", "REASON", &format!("CrmSite/{site}")]);
    assert!(own.out.lines().skip(1).all(|line| line.contains(&format!("CrmSite/{site}"))), "{}", own.out);
    let nobody = terminal.run(&["events", "-n", namespace, "--for", "crmsite/fabrikam"]);
    assert!(nobody.err.contains("No events found"), "{nobody:?}");
    terminal.run(&["get", "events.events.k8s.io", "-n", namespace]).shows(&["REASON"]);
}

/// `auth can-i`, for whoever may do everything.
pub fn an_administrator_may_do_everything(terminal: &Terminal, place: &Place<'_>) {
    for words in [&["delete", "crmsite"][..], &["patch", "crmnodes/status"], &["*", "*"], &["get", "/metrics"]] {
        let words: Vec<&str> = ["auth", "can-i"].iter().chain(words).copied().chain(["-n", place.namespace]).collect();
        terminal.run(&words).shows(&["yes"]);
    }
    terminal.run(&["auth", "can-i", "--list", "-n", place.namespace]).shows(&["Resources", "*.*", "[*]"]);
}

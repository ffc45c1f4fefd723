use crm_api::probe::*;
use crm_api::*;
use crm_plan::snapshot::*;
use std::path::PathBuf;
#[test]
fn make() {
    let files = vec![PathBuf::from("../../examples/superoffice")];
    let m = kubectl_crm::manifests::read(&files, &mut std::io::empty()).unwrap();
    let now: jiff::Timestamp = "2026-11-28T19:05:00Z".parse().unwrap();
    let mut s = kubectl_crm::snapshot::snapshot(&m, None, Some(now)).unwrap().snapshot;
    let t = Time::from(now);
    let f = |name: &str, v: &str| database::DatabaseFact { name: name.into(), value: Some(v.into()), source: name.into() };
    s.database = Ok(database::DatabaseFacts { read_at: t.clone(), facts: vec![
        f("databaseVersion","7.5.5885"), f("serverSetupVersion","7.5.5885"), f("serviceVersion","7.5.5885"), f("useExtension","fcgi"),
        f("attachmentPath",r"C:\SuperOffice\CS\attachments"), f("maintenanceTo","2027-06-30"), f("travellersOut","0"), f("satellites","0"),
        f("sqlServerVersion","11.0.7001"), f("databaseBytes","25165824000"), f("schedulerHeartbeat","2026-11-28T19:04:00Z"), f("schemaModifiedAt","2020-11-28T19:04:00Z"), f("serviceInstalledAt","2020-11-28T19:04:00Z")],
        sessions: vec![], backups_running: vec![] });
    s.nodes = ["contoso-app","contoso-cs"].iter().map(|n| { let mut node = CrmNode::new(n, node::CrmNodeSpec::default()); node.metadata.namespace=Some("crm".into()); node.status = Some(node::CrmNodeStatus::default()); NodeView { node, heartbeat: Some(now) } }).collect();
    for _ in 0..3 {
        let view = crm_plan::view::View::new(&s, now);
        let probes = crm_plan::products::of(s.site.spec.product).probes(&view);
        drop(view);
        for v in &mut s.nodes {
            let ps = probes[v.node.metadata.name.as_ref().unwrap()].clone();
            v.node.spec.probes = ps.clone();
            v.node.status.as_mut().unwrap().observations = ps.iter().map(|p| Observation { id: p.id(), since: t.clone(), answer: answer(p) }).collect();
        }
    }
    let mut out = String::new();
    for v in &s.nodes { out += "---\n"; out += &serde_saphyr::to_string(&v.node).unwrap(); }
    for v in &s.nodes { out += &format!("---\napiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {{name: {}, namespace: crm}}\nspec: {{renewTime: \"2026-11-28T19:05:00.000000Z\"}}\n", heartbeat_lease(v.node.metadata.name.as_ref().unwrap())); }
    let mut d = serde_json::to_value(s.database.as_ref().unwrap()).unwrap();
    d["apiVersion"] = "crm-operator.io/v1alpha1".into(); d["kind"]="DatabaseFacts".into(); d["metadata"]=serde_json::json!({"name":"contoso","namespace":"crm"});
    out += "---\n"; out += &serde_saphyr::to_string(&d).unwrap();
    std::fs::create_dir_all("/tmp/t/plan").unwrap();
    std::fs::write("/tmp/t/plan/observed.yaml", out).unwrap();
}
fn answer(p: &Probe) -> Answer {
    match p {
        Probe::Machine {} => Answer::Machine(Machine { windows: "Windows Server 2012 R2".into(), iis: Some("8.5".into()), dot_net: Some("4.5.1".into()), features: vec!["Web-CGI".into(),"Web-Metabase".into()], elevated: true, boot_id: "b".into(), reboot_pending: false, hotfixes: vec![] }),
        Probe::Program { .. } => Answer::Program { version: "7.5.5885".into(), location: "C:".into() },
        Probe::FileVersion { .. } => Answer::Version { version: "7.5.5885".into() },
        Probe::IniValue { .. } => Answer::Value { value: "7.5.5885".into() },
        Probe::ConfigValue { .. } => Answer::Value { value: "x".into() },
        Probe::FlagLine { .. } => Answer::Flag { set: false },
        Probe::RegistrySubkeys { .. } => Answer::Subkeys { subkeys: [("crm.contoso.example".to_owned(), [("basePath".to_owned(), r"C:\SuperOffice\CS".to_owned())].into_iter().collect())].into_iter().collect() },
        Probe::Service { .. } => Answer::Service { state: RunState::Running, start: StartType::Automatic },
        Probe::Processes { .. } => Answer::Processes { running: vec![] },
        Probe::Pool { .. } => Answer::Pool { state: RunState::Running },
        Probe::SitesServing { .. } => Answer::Names { names: vec!["SuperOffice CS".into()] },
        Probe::FastCgiHandlers { .. } => Answer::Handlers { programs: 12, missing: vec![] },
        Probe::DiskFree { .. } => Answer::DiskFree { free_bytes: 900_000_000_000 },
        Probe::FolderSize { .. } | Probe::LooseFiles { .. } => Answer::Size { files: 3, size_bytes: 1000000 },
        Probe::Folders { .. } | Probe::ChangedFiles { .. } => Answer::Names { names: vec![] },
        _ => Answer::Absent {},
    }
}

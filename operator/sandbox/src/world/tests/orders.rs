//! What the world makes of files, registry and IIS when they are copied and exported.

use crm_agent::host::Host;

use super::{CS, host, world};

#[tokio::test(start_paused = true)]
async fn the_registry_names_the_instance_and_the_installer() {
    let world = world();
    let cs = host(&world, CS);
    let key = "HKLM\\SOFTWARE\\Wow6432Node\\SuperOffice Customer Service";
    let subkeys = cs.registry_subkeys(key).await.unwrap();
    assert_eq!(subkeys.keys().collect::<Vec<_>>(), ["Installer values", "crm.contoso.example"]);
    assert_eq!(subkeys["crm.contoso.example"]["basePath"], "C:\\SuperOffice\\Customer Service");
    cs.export_registry(key, "\\\\backup.contoso.example\\crm\\service.reg").await.unwrap();
    let text = cs.read_text("\\\\backup.contoso.example\\crm\\service.reg").await.unwrap();
    assert!(text.contains("\"instanceId\"=\"1\""), "{text}");
}

#[tokio::test(start_paused = true)]
async fn iis_names_the_site_that_serves_the_scripts() {
    let world = world();
    let cs = host(&world, CS);
    let scripts = "C:\\SuperOffice\\Customer Service\\www\\scripts";
    assert_eq!(cs.sites_serving(scripts).await, Ok(vec!["SuperOffice Service".to_owned()]));
    let handlers = cs.handlers("SuperOffice Service", scripts).await.unwrap();
    assert_eq!((handlers.programs.len(), handlers.mapped.len()), (8, 0));
    cs.export_iis("\\\\backup.contoso.example\\crm\\iis").await.unwrap();
    assert!(cs.read_text("\\\\backup.contoso.example\\crm\\iis\\applicationHost.config").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn attachments_lie_flat_at_first() {
    let world = world();
    let content = host(&world, CS).numbered_files("C:\\SuperOffice\\Attachments").await.unwrap();
    assert_eq!(content[""], [(1, 23_500)]);
}

#[test]
fn a_scenario_with_an_unknown_field_is_refused() {
    let text = include_str!("scenario.yaml").replace("namedStops", "namedStop");
    let error = serde_saphyr::from_str::<super::Scenario>(&text).unwrap_err().to_string();
    assert!(error.contains("namedStop"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_scenario_that_does_not_fit_the_site_says_what_to_correct() {
    let mut scenario = super::scenario();
    scenario.spec.servers.remove(1);
    let error =
        super::World::new(&scenario, &super::site(), &super::releases(), super::credentials(), 1).err().unwrap();
    assert!(error.to_string().contains("places Service on contoso-cs"), "{error}");
    let mut scenario = super::scenario();
    scenario.spec.database.version = "7.4.1".to_owned();
    let error =
        super::World::new(&scenario, &super::site(), &super::releases(), super::credentials(), 1).err().unwrap();
    assert!(error.to_string().contains("there are 7.5.5885, 8.0.6465"), "{error}");
}

//! Web and Service on two servers behind one host.

use super::*;

#[test]
fn two_servers_need_a_reverse_proxy_that_leads_to_both() {
    let at = |proxy: Option<ReverseProxy>| {
        let mut site = Site::at_rest();
        site.snapshot.releases = whole_catalogue();
        site.snapshot.site.status = None;
        site.spec().version = "8.0 SR6".to_owned();
        block(&mut site).reverse_proxy = proxy;
        site.move_to("8.0.6465");
        site.turn();
        site.declare("8.5 R17");
        site.turn();
        for node in ["contoso-app", "contoso-cs"] {
            site.machine(node, |machine| machine.dot_net = Some("4.8".to_owned()));
        }
        site
    };
    let proxy =
        |site: &Site| findings(site).into_iter().filter(|found| found.check == "ReverseProxy").collect::<Vec<_>>();
    let missing = proxy(&at(None));
    assert!(missing.len() == 1 && missing[0].remedy.contains("superOffice.reverseProxy"), "{missing:?}");
    assert!(proxy(&at(Some(ReverseProxy::IisArr))).is_empty());

    let mut site = at(Some(ReverseProxy::IisArr));
    let web = Probe::Url { url: "http://crm.contoso.example/sales".to_owned() };
    site.answer("contoso-cs", &web, Answer::Url { status: 404 });
    let host = Probe::XmlValue {
        path: r"C:\SuperOffice\SuperOffice Web\web.config".to_owned(),
        section: "SuperOffice/Client".to_owned(),
        key: "UrlHostOverride".to_owned(),
    };
    site.answer("contoso-app", &host, Answer::Absent {});
    let found = proxy(&site);
    assert!(found.len() == 2 && found.iter().all(|finding| !finding.remedy.is_empty()), "{found:?}");
    site.answer("contoso-cs", &web, Answer::Unreadable { reason: "no".to_owned() });
    site.answer("contoso-app", &host, Answer::Unreadable { reason: "encrypted".to_owned() });
    assert_eq!(proxy(&site).len(), 2, "what cannot be told blocks");
}

#[test]
fn behind_a_proxy_service_stays_where_it_is_and_is_known_by_its_new_host() {
    let mut site = Site::at_rest();
    site.snapshot.releases = whole_catalogue();
    site.snapshot.site.status = None;
    site.spec().version = "8.0 SR6".to_owned();
    site.move_to("8.0.6465");
    site.turn();
    block(&mut site).host_name = "socrm.contoso.example".to_owned();
    block(&mut site).reverse_proxy = Some(ReverseProxy::IisArr);
    site.declare("8.5 R17");
    site.turn();
    for node in ["contoso-app", "contoso-cs"] {
        site.machine(node, |machine| machine.dot_net = Some("4.8".to_owned()));
    }
    let over = Probe::XmlValue {
        path: r"C:\SuperOffice\SuperOffice Web\web.config".to_owned(),
        section: "SuperOffice/Client".to_owned(),
        key: "UrlHostOverride".to_owned(),
    };
    site.answer("contoso-app", &over, Answer::Value { value: "socrm.contoso.example".to_owned() });
    let found = findings(&site);
    assert!(found.iter().any(|finding| finding.message.contains("sub-key socrm.contoso.example")), "{found:?}");
    let values = BTreeMap::from([
        ("basePath".to_owned(), r"C:\SuperOffice\Customer Service\".to_owned()),
        ("instanceId".to_owned(), "1".to_owned()),
    ]);
    let subkeys = ["crm.contoso.example", "socrm.contoso.example"].map(|host| (host.to_owned(), values.clone()));
    let key = r"HKLM\SOFTWARE\Wow6432Node\SuperOffice Customer Service".to_owned();
    site.answer("contoso-cs", &Probe::RegistrySubkeys { key }, Answer::Subkeys { subkeys: BTreeMap::from(subkeys) });
    let change = plan(&site);
    assert!(!has(&change, "move-service") && !has(&change, "move-web") && has(&change, "upgrade-service"));
    let upgrade = told(step(&change, "run-upgrade-exe"));
    assert!(upgrade.contains("socrm.contoso.example"), "{upgrade}");
    assert!(has(&change, "set-address") && has(&change, "replace-addresses") && !has(&change, "move-paths"));
}

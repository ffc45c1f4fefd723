//! Which NetServer Service talks to, while Web or Service moves to another host.

use crm_api::site::NetServerMode;

use super::*;

fn endpoint(site: &mut Site, base: &str) {
    let path = r"C:\SuperOffice\Customer Service\config".to_owned();
    let value = format!("{base}/Remote/Services80");
    site.answer(NODE, &Probe::ConfigValue { path, key: "nsEndPoint".to_owned() }, Answer::Value { value });
}

#[test]
fn a_net_server_of_its_own_stays_where_it_is_when_web_moves() {
    let rows = [("http://contoso-app/sales", true), ("http://contoso-app/SuperOfficeNetServer", false)];
    for (base, is_pointed_anew) in rows {
        let mut site = two_hosts_of(&[
            (Component::CrmServer, &[NODE]),
            (Component::Web, &[NODE]),
            (Component::NetServer, &[NODE]),
            (Component::Service, &[NODE]),
        ]);
        block(&mut site).net_server = None;
        declare(&mut site, "crm.contoso.example", |_| {});
        endpoint(&mut site, base);
        let change = plan(&site);
        assert!(has(&change, "move-web"));
        assert_eq!(has(&change, "move-config"), is_pointed_anew, "{base}");
    }
}

#[test]
fn service_does_not_move_to_another_host_and_another_net_server_at_once() {
    for (wanted, is_refused) in [(None, false), (Some(NetServerMode::Shared), false), (Some(NetServerMode::Own), true)]
    {
        let mut site = two_hosts();
        to_sales(&mut site);
        block(&mut site).net_server = wanted;
        let found = findings(&site);
        let refused = found.iter().any(|finding| finding.remedy.contains("leave superOffice.netServer out"));
        assert_eq!(refused, is_refused, "{wanted:?}: {found:?}");
    }
}

use proptest::prelude::*;

use super::{Encoding, Iis};

const FILE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<configuration>
  <system.applicationHost>
    <sites>
      <site name="Støtte" id="2">
        <application path="/" applicationPool="Støtte">
          <virtualDirectory path="/" physicalPath="C:\Support\www\doc" />
        </application>
        <application path="/scripts" applicationPool="Støtte">
          <virtualDirectory path="/" physicalPath="C:\Support\www\scripts\" />
        </application>
      </site>
      <site name="Other" id="3">
        <application path="/"><virtualDirectory path="/" physicalPath="c:/support/WWW" /></application>
        <application path="/b"><virtualDirectory path="/v" physicalPath="C:\Supporters" /></application>
      </site>
      <!-- <site name="Gone"><application path="/"><virtualDirectory path="/" physicalPath="C:\Support"/></application></site> -->
    </sites>
  </system.applicationHost>
  <system.webServer>
    <fastCgi><application fullPath="C:\Support\www\scripts\a.exe" /><application fullPath="c:\support\www\scripts\B.EXE" activityTimeout="600" /></fastCgi>
    <handlers>
      <add name="static" path="*" verb="*" modules="StaticFileModule" />
      <add name="a" path="a.fcgi" verb="GET,HEAD,POST" modules="FastCgiModule" scriptProcessor="C:\Support\www\scripts\a.exe|-x" />
      <add name="lonely" path="c.fcgi" verb="*" modules="FastCgiModule" scriptProcessor="C:\Support\www\scripts\c.exe" />
    </handlers>
  </system.webServer>
  <location path="støtte/scripts">
    <system.webServer><handlers>
      <remove name="A" />
      <add name="a" path="a.fcgi" verb="*" modules="FastCgiModule" scriptProcessor="C:\Support\www\scripts\a.exe" />
      <add name="b" path="b.fcgi" modules="CgiModule, FastCgiModule" scriptProcessor="C:\Support\www\scripts\b.exe" />
    </handlers></system.webServer>
  </location>
  <location path="Other"><system.webServer><handlers><clear /></handlers></system.webServer></location>
</configuration>"#;

fn read() -> Iis {
    Iis::parse(FILE, Encoding::Utf8).unwrap()
}

#[test]
fn a_site_serves_what_lies_below_its_folders() {
    assert_eq!(read().sites_serving(r"C:\Support\www\scripts"), ["Other", "Støtte"]);
    assert_eq!(read().sites_serving(r"C:\Supporters\x"), ["Other"]);
    assert!(read().sites_serving(r"C:\Support").is_empty());
}

#[test]
fn the_nearest_location_has_the_last_word_and_a_program_must_be_registered() {
    let folder = r"C:\support\www\scripts";
    let handlers = read().fast_cgi("støtte", folder).unwrap_or_default();
    let told: Vec<(&str, bool)> =
        handlers.iter().map(|handler| (handler.name.as_str(), handler.accepts("OPTIONS"))).collect();
    assert_eq!(told, [("a", true), ("b", true)]);
    // Inherited, with the verbs of the machine.
    let inherited = read().fast_cgi("Støtte", r"C:\Support\www\doc").unwrap();
    assert_eq!(inherited.len(), 1);
    assert!(inherited[0].accepts("post") && !inherited[0].accepts("OPTIONS"));
    assert_eq!(read().fast_cgi("Other", folder).unwrap().len(), 0);
    assert_eq!(read().fast_cgi("Støtte", r"C:\Elsewhere").unwrap().len(), 0);
    assert_eq!(read().fast_cgi("Nobody", folder), None);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let said = |text: &str| Iis::parse(text, Encoding::Utf8).unwrap_err().to_string();
    assert_eq!(said("<a/>"), "line 1: the root is a, not configuration");
    assert_eq!(said(&FILE[..FILE.len() - 20]), "line 35: the XML ends too early");
    let encrypted = "<configuration>\n<system.applicationHost>\n<sites configProtectionProvider=\"x\"/>\n</system.applicationHost></configuration>";
    assert_eq!(said(encrypted), "line 3: section sites is encrypted");
}

proptest! {
    #[test]
    fn a_file_that_was_cut_off_concludes_nothing(cut in 0_usize..2000) {
        let mut at = cut.min(FILE.len() - 1);
        while !FILE.is_char_boundary(at) {
            at -= 1;
        }
        prop_assert!(Iis::parse(&FILE[..at], Encoding::Utf8).is_err());
    }

    #[test]
    fn any_folder_and_site_have_an_answer(site in any::<String>(), folder in any::<String>()) {
        let _ = (read().fast_cgi(&site, &folder), read().sites_serving(&folder));
    }
}

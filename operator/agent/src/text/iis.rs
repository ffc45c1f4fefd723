//! IIS's own configuration, `applicationHost.config`: which sites serve a folder, and which FastCGI handlers hold there
//! when what is inherited and what `location` elements say is put together.

use roxmltree::Node;

use super::TextError;
use super::encoding::Encoding;
use super::xml;

/// Sites and handlers of one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Iis {
    folders: Vec<Folder>,
    handlers: Vec<(String, Change)>,
    fast_cgi: Vec<(String, String)>,
}

/// One virtual directory: where an address of a site lies on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Folder {
    site: String,
    /// `Site/application/directory`, as `location` elements name it.
    location: String,
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Clear,
    Remove(String),
    Add(Handler),
}

/// A FastCGI handler as it holds at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// Its name; a later handler of the same name replaces it.
    pub name: String,
    /// Requests that it answers, for example `program.fcgi`.
    pub path: String,
    /// Verbs that it accepts, in upper case; `*` is every verb.
    pub verbs: Vec<String>,
    /// Full path of the program that answers.
    pub program: String,
}

impl Handler {
    /// Whether it accepts a verb.
    #[must_use]
    pub fn accepts(&self, verb: &str) -> bool {
        self.verbs.iter().any(|accepted| accepted == "*" || accepted.eq_ignore_ascii_case(verb))
    }
}

impl Iis {
    /// Reads `applicationHost.config`.
    ///
    /// # Errors
    /// When it is broken, or what is asked of it is encrypted.
    pub fn parse(text: &str, encoding: Encoding) -> Result<Self, TextError> {
        let document = xml::parse(text, encoding)?;
        let root = document.root_element();
        if root.tag_name().name() != "configuration" {
            return Err(TextError::new(1, format!("the root is {}, not configuration", root.tag_name().name())));
        }
        let mut iis = Self::default();
        iis.take_sites(root)?;
        iis.take_server(root, "")?;
        for location in children(root, "location") {
            iis.take_server(location, location.attribute("path").unwrap_or_default())?;
        }
        Ok(iis)
    }

    /// Names of the sites that serve a folder or one above it, sorted.
    #[must_use]
    pub fn sites_serving(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .folders
            .iter()
            .filter(|served| below(folder, &served.path).is_some())
            .map(|at| at.site.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The FastCGI handlers that hold in a folder of a site; `None` where there is no such site, none in a folder that it
    /// does not serve. A handler whose program is not among IIS's FastCGI applications answers nothing, and is left out.
    #[must_use]
    pub fn fast_cgi(&self, site: &str, folder: &str) -> Option<Vec<Handler>> {
        let mut of_site = self.folders.iter().filter(|served| served.site.eq_ignore_ascii_case(site)).peekable();
        of_site.peek()?;
        let nearest = of_site
            .filter_map(|served| below(folder, &served.path).map(|rest| (served, rest)))
            .max_by_key(|(served, _)| plain(&served.path).len());
        let Some((served, rest)) = nearest else { return Some(Vec::new()) };
        let location = format!("{}/{rest}", served.location).trim_end_matches('/').to_lowercase();
        let chain = ancestors(&location);
        let mut holding: Vec<Handler> = Vec::new();
        // Nearer locations have the last word, whatever the order in the file.
        for at in &chain {
            for (_, change) in self.handlers.iter().filter(|(of, _)| of == at) {
                match change {
                    Change::Clear => holding.clear(),
                    Change::Remove(name) => holding.retain(|handler| handler.name != *name),
                    Change::Add(handler) => {
                        holding.retain(|earlier| earlier.name != handler.name);
                        holding.push(handler.clone());
                    }
                }
            }
        }
        let known = |handler: &Handler| {
            self.fast_cgi.iter().any(|(of, program)| chain.contains(of) && *program == plain(&handler.program))
        };
        holding.retain(known);
        Some(holding)
    }

    fn take_sites(&mut self, root: Node<'_, '_>) -> Result<(), TextError> {
        for host in children(root, "system.applicationHost") {
            xml::readable(host)?;
            for sites in children(host, "sites") {
                xml::readable(sites)?;
                for site in children(sites, "site") {
                    self.take_site(site);
                }
            }
        }
        Ok(())
    }

    fn take_site(&mut self, site: Node<'_, '_>) {
        let name = site.attribute("name").unwrap_or_default();
        // A site of the same name that stands further down is the one that holds.
        self.folders.retain(|folder| !folder.site.eq_ignore_ascii_case(name));
        for application in children(site, "application") {
            for directory in children(application, "virtualDirectory") {
                let Some(path) = directory.attribute("physicalPath") else { continue };
                let parts = [application.attribute("path"), directory.attribute("path")];
                let address: Vec<&str> = parts
                    .iter()
                    .map(|part| part.unwrap_or("/").trim_matches('/'))
                    .filter(|part| !part.is_empty())
                    .collect();
                let location = std::iter::once(name).chain(address).collect::<Vec<_>>().join("/");
                self.folders.push(Folder { site: name.to_owned(), location, path: path.to_owned() });
            }
        }
    }

    /// `system.webServer` of the file or of one of its `location` elements.
    fn take_server(&mut self, parent: Node<'_, '_>, location: &str) -> Result<(), TextError> {
        let location = location.trim_matches('/').to_lowercase();
        let location = if location == "." { String::new() } else { location };
        for server in children(parent, "system.webServer") {
            xml::readable(server)?;
            for section in server.children().filter(Node::is_element) {
                match section.tag_name().name() {
                    "handlers" => {
                        xml::readable(section)?;
                        let changes = section.children().filter_map(change);
                        self.handlers.extend(changes.map(|change| (location.clone(), change)));
                    }
                    "fastCgi" => {
                        xml::readable(section)?;
                        let programs = children(section, "application").filter_map(|node| node.attribute("fullPath"));
                        self.fast_cgi.extend(programs.map(|program| (location.clone(), plain(program))));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn children<'a, 'input: 'a>(node: Node<'a, 'input>, name: &'static str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.tag_name().name() == name)
}

fn change(node: Node<'_, '_>) -> Option<Change> {
    let name = || node.attribute("name").unwrap_or_default().to_lowercase();
    match node.tag_name().name() {
        "clear" => Some(Change::Clear),
        "remove" => Some(Change::Remove(name())),
        "add" => {
            let modules = node.attribute("modules").unwrap_or_default();
            let is_fast_cgi = modules.split(',').any(|module| module.trim().eq_ignore_ascii_case("FastCgiModule"));
            if !is_fast_cgi {
                // Whatever it is, it replaces a FastCGI handler of its name.
                return Some(Change::Remove(name()));
            }
            let processor = node.attribute("scriptProcessor").unwrap_or_default();
            Some(Change::Add(Handler {
                name: name(),
                path: node.attribute("path").unwrap_or_default().to_owned(),
                verbs: node
                    .attribute("verb")
                    .unwrap_or("*")
                    .split(',')
                    .map(|verb| verb.trim().to_uppercase())
                    .collect(),
                // Arguments follow behind a bar.
                program: processor.split('|').next().unwrap_or_default().trim_matches('"').to_owned(),
            }))
        }
        _ => None,
    }
}

/// The locations whose settings reach one, from the machine's down to its own.
fn ancestors(location: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for (at, _) in location.match_indices('/') {
        all.extend(location.get(..at).map(str::to_owned));
    }
    all.push(location.to_owned());
    all
}

/// A Windows path as it is compared.
fn plain(path: &str) -> String {
    path.trim_matches('"').replace('/', "\\").trim_end_matches('\\').to_lowercase()
}

/// Where a folder lies below another one, in address form; `None` where it does not.
fn below(folder: &str, above: &str) -> Option<String> {
    let (folder, above) = (plain(folder), plain(above));
    if above.is_empty() {
        return None;
    }
    let rest = folder.strip_prefix(&above)?;
    (rest.is_empty() || rest.starts_with('\\')).then(|| rest.trim_start_matches('\\').replace('\\', "/"))
}

#[cfg(test)]
#[path = "iis_tests.rs"]
mod tests;

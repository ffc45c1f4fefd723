//! What serves people's own machines and phones: the share of the Windows client with its transform, and Pocket Server 7
//! (vendor: install, Windows client; pocket-crm, upgrade to 8).

use crate::world::files::Content;
use crate::world::ghost::Happening;
use crate::world::install::automatic;
use crate::world::layout::SERVER_PATH;
use crate::world::state::{State, World};
use crate::world::vendor::Role;

/// Where Pocket Server is installed (vendor: pocket-crm, upgrade to 8).
const POCKET_PROGRAM: &str = "C:\\Program Files (x86)\\SuperOffice Pocket CRM\\Tomcat 6.0\\bin\\tomcat6.exe";

fn transform() -> String {
    format!("{SERVER_PATH}\\Client\\SuperOffice.mst")
}

impl World {
    /// A person makes the transform of the client share anew with SoCreateMST.exe. Whether there was a client to make it
    /// for.
    pub fn make_transform(&self, site: &str, node: &str) -> bool {
        self.at(site, |state| {
            let number = state.database.version.clone();
            let made = state.client_setup(&number).is_some();
            if let Some(machine) = state.machines.get_mut(node).filter(|machine| machine.up && made) {
                machine.files.put_text(&transform(), format!("transform for {number}\r\n"));
                state.touched = true;
                return true;
            }
            false
        })
    }

    /// A person uninstalls Pocket Server wherever a site has it.
    pub fn uninstall_pocket_server(&self, site: &str, who: &str) {
        self.at(site, |state| {
            let (service, properties) = (state.layout.pocket_service.clone(), state.layout.pocket_properties.clone());
            for node in state.machines.keys().cloned().collect::<Vec<_>>() {
                let Some(machine) = state.machines.get_mut(&node).filter(|machine| machine.up) else { continue };
                if machine.service(&service).is_none() {
                    continue;
                }
                machine.services.retain(|one| one.name != service);
                machine.files.remove(&properties);
                let what = format!("uninstalls Pocket Server on {node}");
                state.write(Happening::ByHand { who: who.to_owned(), what });
            }
        });
    }

    /// How many people's Windows clients are of the release of a site's database.
    #[must_use]
    pub fn clients_rolled_out(&self, site: &str) -> usize {
        self.at(site, |state| state.users.clients_of(&state.database.version))
    }
}

impl State {
    /// File name of the client's installer at a release.
    fn client_setup(&self, number: &str) -> Option<String> {
        self.release(number)?.super_office.as_ref()?.windows_client.as_ref()?.setup.clone()
    }

    /// The server's setup brings the client's installer (vendor: install, Windows client).
    pub(crate) fn fill_client_share(&mut self, node: &str, number: &str) {
        let Some(setup) = self.client_setup(number) else { return };
        if let Some(machine) = self.machines.get_mut(node) {
            let content = Content::Program { version: number.to_owned(), role: Role::Plain };
            machine.files.put(&format!("{SERVER_PATH}\\Client\\{setup}"), content);
        }
    }

    /// Where people work with Windows clients, somebody has made a transform for them.
    pub(crate) fn share_clients(&mut self) {
        if self.users.windows_clients().is_empty() {
            return;
        }
        let number = self.database.version.clone();
        for node in self.layout.server_nodes.clone() {
            if let Some(machine) = self.machines.get_mut(&node) {
                machine.files.put_text(&transform(), format!("transform for {number}\r\n"));
            }
        }
    }

    /// Whether the share offers the client of the database's release.
    pub(crate) fn share_offers_client(&self) -> bool {
        let made = format!("transform for {}\r\n", self.database.version);
        let has = |node: &String| {
            self.machines.get(node).is_some_and(|machine| machine.files.text(&transform()) == Ok(&made))
        };
        self.layout.server_nodes.iter().any(has)
    }

    /// What the transform of a node was made for.
    pub(crate) fn transform_on(&self, node: &str) -> Option<String> {
        let machine = self.machines.get(node)?;
        machine.files.text(&transform()).ok().map(|text| text.trim().to_owned())
    }

    pub(crate) fn install_pocket_server(&mut self, node: &str) {
        let (service, properties) = (self.layout.pocket_service.clone(), self.layout.pocket_properties.clone());
        if let Some(machine) = self.machines.get_mut(node) {
            let text = "# Pocket CRM server\r\nSERVER_NAME=pocket\r\n#CLIENT_CONFIGURE=\r\n";
            machine.files.put_text(&properties, text.to_owned());
            machine.services.push(automatic(service, POCKET_PROGRAM.to_owned()));
        }
    }
}

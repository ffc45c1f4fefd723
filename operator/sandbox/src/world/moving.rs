//! Web and Service go to other hosts: what the database keeps of addresses and folders, what the installers make of a
//! person's choices, and what people do with editor and SQL (vendor: upgrade to 8.1, move-crm-server).

use std::collections::BTreeMap;

use crm_agent::host::HostError;
use crm_api::order::PromptAnswer;
use crm_api::probe::{RunState, StartType};

use crate::world::iis::Site;
use crate::world::layout::{Layout, SERVICE_REGISTRY};
use crate::world::services::Service;
use crate::world::state::{State, World};

/// Columns of the one row of `config` that name addresses and folders.
pub(crate) fn addresses(layout: &Layout) -> BTreeMap<String, String> {
    let path = &layout.service_path;
    let address = format!("http://{}{}scripts/", layout.host_name, layout.service_application);
    let rows = [
        ("cgi_url", address.clone()),
        ("cgi_url_internal", address),
        ("text_path", format!("{path}\\text")),
        ("template_path", format!("{path}\\templates")),
        ("warning", format!("{path}\\log\\warning.log")),
    ];
    rows.map(|(column, value)| (column.to_owned(), value)).into()
}

/// Rows of `registry` that the vendor documents by their numbers.
pub(crate) fn numbered(layout: &Layout) -> BTreeMap<u32, String> {
    let path = &layout.service_path;
    let programs = [
        (1, "ejSender.exe"),
        (22, "ejOutbox.exe"),
        (131, "dbi.exe"),
        (245, "adAuthenticate.exe"),
        (284, "imageResizer.exe"),
    ];
    let mut rows: BTreeMap<u32, String> = programs.map(|(id, program)| (id, format!("{path}\\bin\\{program}"))).into();
    rows.insert(40, format!("{path}\\log"));
    rows.insert(109, layout.service_application.clone());
    rows
}

/// What a person chooses in a wizard, by what it is.
pub(crate) struct Choices<'run>(pub(crate) &'run [PromptAnswer]);

impl Choices<'_> {
    /// What was chosen for something.
    pub(crate) fn of(&self, what: &str) -> Option<&str> {
        self.0.iter().find(|choice| choice.question == what).map(|choice| choice.answer.as_str())
    }
}

impl State {
    /// The Service installer makes a new instance beside the one that is there. What it registers besides files is undocumented but for the IIS site;
    /// a person sees to the rest. Why it fails, where it does.
    pub(crate) fn instance_beside(&mut self, node: &str, choices: &Choices<'_>) -> Result<(), String> {
        let folder = choices.of("folder").unwrap_or_default();
        if self.layout.service_path == folder {
            // Somebody runs it again.
            return Ok(());
        }
        let mut layout = self.layout.clone();
        folder.clone_into(&mut layout.service_path);
        let host = choices.of("sub-key").unwrap_or(&layout.host_name).to_owned();
        let machine = self.machines.get_mut(node).ok_or_else(|| "no such machine".to_owned())?;
        let (name, application) = match (choices.of("create site"), choices.of("site")) {
            (Some(name), _) if machine.iis.sites.contains_key(name) => {
                return Err(format!("Error: the web site '{name}' already exists."));
            }
            (Some(name), _) => {
                let hosts = choices.of("host name").map(str::to_owned).into_iter().collect();
                machine.iis.sites.insert(name.to_owned(), Site { hosts, ..Site::default() });
                (name, "")
            }
            (None, Some(name)) => (name, choices.of("application").unwrap_or_default()),
            (None, None) => return Err("Error: no web site was chosen.".to_owned()),
        };
        let pool = choices.of("pool").unwrap_or(name);
        let Some(site) = machine.iis.sites.get_mut(name) else {
            return Err(format!("Error: there is no web site '{name}'."));
        };
        let root = if application.is_empty() { "/" } else { application };
        site.folders.insert(root.to_owned(), format!("{folder}\\www\\doc"));
        site.folders.insert(format!("{application}/csplugins"), format!("{folder}\\www\\csplugins"));
        site.folders.insert(format!("{application}/scripts"), format!("{folder}\\www\\scripts"));
        machine.iis.add_pool(pool);
        let _ = machine.iis.turn(pool, RunState::Stopped);
        machine.registry.set(&format!("{SERVICE_REGISTRY}\\{host}"), &[("basePath", folder), ("instanceId", "2")]);
        let scheduler = choices.of("service").unwrap_or(&layout.scheduler).to_owned();
        if machine.service_mut(&scheduler).is_err() {
            let (name, program) = (scheduler.clone(), "C:\\Windows\\ejSchedule.exe".to_owned());
            machine.services.push(Service { name, program, state: RunState::Stopped, start: StartType::Manual });
        }
        layout.iis_site = name.to_owned();
        layout.service_pool = pool.to_owned();
        layout.scheduler = scheduler;
        layout.host_name = host;
        layout.service_application = format!("{application}/");
        self.former = Some(std::mem::replace(&mut self.layout, layout));
        self.touched = true;
        Ok(())
    }

    /// Web's setup puts its application on another IIS site. Why it fails, where it does.
    pub(crate) fn move_web(&mut self, node: &str, choices: &Choices<'_>) -> Result<(), String> {
        let (Some(name), Some(application)) = (choices.of("site"), choices.of("application")) else { return Ok(()) };
        let web_path = self.layout.web_path.clone();
        let machine = self.machines.get_mut(node).ok_or_else(|| "no such machine".to_owned())?;
        if !machine.iis.sites.contains_key(name) {
            return Err("No web site was found.".to_owned());
        }
        for site in machine.iis.sites.values_mut() {
            site.folders.retain(|_, folder| *folder != web_path);
        }
        if let Some(site) = machine.iis.sites.get_mut(name) {
            site.folders.insert(application.to_owned(), web_path);
        }
        Ok(())
    }

    /// The registry came back as it was before a move.
    pub(crate) fn registry_came_back(&mut self, node: &str) {
        let key = format!("{SERVICE_REGISTRY}\\{}", self.layout.host_name);
        let gone = self.machines.get(node).is_some_and(|machine| machine.registry.get(&key).is_none());
        if let Some(former) = self.former.take_if(|_| gone) {
            self.layout = former;
            self.touched = true;
        }
    }
}

impl World {
    /// A person copies what belongs to the customer from one instance's folder to another: all but the programs.
    pub fn carry_over(&self, node: &str, from: &str, to: &str) {
        self.with(|state| {
            let Some(machine) = state.machines.get_mut(node) else { return };
            for (relative, blob) in machine.files.below(from) {
                let folder = relative.split('\\').next().unwrap_or_default();
                if folder != "bin" && folder != "www" {
                    machine.files.put_blob(&format!("{to}\\{relative}"), blob);
                }
            }
        });
    }

    /// A person changes the lines of a text file.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn edit_lines(&self, node: &str, path: &str, change: impl Fn(&str) -> String) -> Result<(), HostError> {
        self.with(|state| {
            let machine = state.machines.get(node).ok_or_else(|| HostError::NotFound(node.to_owned()))?;
            let text: String = machine.files.text(path)?.lines().map(|line| change(line) + "\r\n").collect();
            state.replace_text(node, path, text)
        })
    }

    /// A person runs one of the statements that they were told, `UPDATE [SCHEMA].[TABLE] SET [COLUMN] = N'VALUE'`.
    pub fn update_by_hand(&self, site: &str, statement: &str) {
        let Some((table, rest)) = statement.strip_prefix("UPDATE ").and_then(|rest| rest.split_once(" SET ")) else {
            return;
        };
        let Some((column, rest)) = rest.split_once(" = N'") else { return };
        let (table, column) = (table.replace(['[', ']'], ""), column.replace(['[', ']'], ""));
        let (value, rest) = literal(rest);
        let row = rest.split_once("[reg_id] = ").and_then(|(_, id)| id.trim().parse::<u32>().ok());
        self.at(site, |state| {
            match (table.rsplit('.').next(), row) {
                (Some("config"), _) if column == "attachment_path" => state.database.attachment_path = value,
                (Some("config"), _) => {
                    state.database.addresses.insert(column.to_owned(), value);
                }
                (Some("registry"), Some(id)) => {
                    state.database.numbered.insert(id, value);
                }
                _ => return,
            }
            state.database_write("a person");
        });
    }
}

/// A literal behind its first quote, and what follows it: two quotes are one.
fn literal(text: &str) -> (String, &str) {
    let (mut value, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('\'') {
        value.push_str(before);
        match behind.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return (value, behind),
        }
    }
    (value, rest)
}

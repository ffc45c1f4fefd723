//! The SQL Server: the site's database behind `crm_database`'s port, statement by statement.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_database::{Connect, Credentials, DatabaseError, Row, SqlServer, Statement, Target};
use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::world::files::file_name;
use crate::world::ghost::Happening;
use crate::world::state::{State, World};

/// Rows of `registry` by number, with the column under which a question gives them.
const NUMBERED: [(u32, &str); 7] = [
    (1, "senderPath"),
    (22, "outboxPath"),
    (40, "logPath"),
    (109, "wwwPath"),
    (131, "dbiPath"),
    (245, "authenticationPath"),
    (284, "imageResizerPath"),
];

/// First session id of a user.
const FIRST_SESSION: usize = 51;

/// The site's database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) server_version: String,
    pub(crate) bytes: i64,
    /// `company.version`.
    pub(crate) version: String,
    /// The release that a schema change leads to, while it is not whole, and the parts done.
    pub(crate) partial: Option<(String, u32)>,
    /// Rows of `ProductVersion` with the code name `ServerSetup`, oldest first.
    pub(crate) server_setup: Vec<String>,
    pub(crate) modified_at: Timestamp,
    /// `config.version`, `config.installed_at`.
    /// No row where there never was a Service.
    pub(crate) service_version: Option<String>,
    pub(crate) service_installed_at: Timestamp,
    pub(crate) attachment_path: String,
    /// Columns of `config` that name addresses and folders.
    pub(crate) addresses: BTreeMap<String, String>,
    /// Rows of `registry` that the vendor documents by their numbers.
    pub(crate) numbered: BTreeMap<u32, String>,
    /// Rows of `attachment`.
    pub(crate) attachments: i64,
    /// Standard reports that people edited, and that are as they left them.
    pub(crate) edited_reports: u32,
    /// Table `registry`: name to value.
    pub(crate) registry: BTreeMap<String, String>,
    pub(crate) maintenance_to: jiff::civil::Date,
    pub(crate) travellers_out: u32,
    pub(crate) satellites: u32,
    /// Mailboxes of Service.
    pub(crate) mailboxes: Vec<String>,
    pub(crate) lsn: u64,
    /// Files of the backups that run, by number.
    pub(crate) backups_running: BTreeMap<u32, String>,
    pub(crate) backups_begun: u32,
    pub(crate) foreign_session: bool,
    pub(crate) availability: Availability,
    pub(crate) restore_running: bool,
    /// Last log sequence number of the backup that was last restored, and when.
    pub(crate) last_restore: Option<(String, Timestamp)>,
}

/// Whether the database lets anybody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// It does.
    Online,
    /// A restore is at work, or was cut off.
    Restoring,
}

impl Database {
    /// Whether programs of that release may work on the schema.
    pub(crate) fn fits(&self, number: &str) -> bool {
        self.partial.is_none() && self.version == number
    }

    /// The release of the schema, in words.
    pub(crate) fn release(&self) -> String {
        match &self.partial {
            Some((to, part)) => format!("{} with {part} parts of {to}", self.version),
            None => self.version.clone(),
        }
    }

    /// The log sequence number now, as SQL Server writes it.
    pub(crate) fn last_lsn(&self) -> String {
        format!("{}000000000100001", self.lsn)
    }
}

impl Database {
    /// The one row of `config`; none where there never was a Service.
    fn config_row(&self) -> Option<Row> {
        let mut columns = self.addresses.clone();
        columns.extend(row(&[
            ("version", self.service_version.as_deref()?),
            ("installed_at", &self.service_installed_at.to_string()),
            ("attachment_path", &self.attachment_path),
        ]));
        Some(columns)
    }
}

impl State {
    /// Somebody writes to the database.
    pub(crate) fn database_write(&mut self, by: &str) {
        self.database.lsn += 1;
        self.write(Happening::DatabaseWrite { by: by.to_owned() });
    }

    /// Everybody who is connected to the database, as host, program, login.
    pub(crate) fn sessions(&self) -> Vec<(String, String, String)> {
        let layout = &self.layout;
        let login = self.credentials.username().to_owned();
        let mut sessions = Vec::new();
        let mut add = |host: &str, program: &str| {
            sessions.push((host.to_uppercase(), program.to_owned(), login.clone()));
        };
        let here = self.machines.iter().filter(|(node, _)| self.is_here(node));
        for (node, machine) in here {
            if machine.iis.runs(&layout.web_pool) {
                add(node, "SuperOffice NetServer");
            }
            if machine.iis.runs(&layout.net_server_pool) {
                add(node, "SuperOffice NetServer web services");
            }
            if machine.runs_service(&layout.batch_service) {
                add(node, "SuperOffice Batch Task Server");
            }
            if machine.iis.runs(&layout.service_pool) {
                add(node, "SuperOffice Service");
            }
            for program in machine.processes.scheduled(&layout.site) {
                add(node, &program);
            }
            for process in machine.processes.all.values().filter(|process| process.exit.is_none()) {
                if process.role.works_on_database() && process.site == layout.site {
                    add(node, file_name(&process.program));
                }
            }
        }
        for user in self.users.windows_clients() {
            sessions.push((format!("PC-{}", user.to_uppercase()), "SuperOffice CRM".to_owned(), user));
        }
        if self.database.foreign_session {
            sessions.push(("REPORTSRV".to_owned(), "Crystal Reports".to_owned(), "report".to_owned()));
        }
        sessions
    }

    fn answer(&mut self, statement: &Statement) -> Result<Vec<Row>, DatabaseError> {
        let about_another = statement.name.starts_with("server.")
            && statement.parameters.first().is_some_and(|name| *name != self.layout.database);
        if statement.name.starts_with("restoreTest.") || about_another {
            return self.scratch_answer(statement);
        }
        if statement.name.starts_with("superoffice.") {
            let schema = crm_database::quote(&self.layout.table_prefix);
            if !statement.text.contains(&format!("{schema}.")) {
                return Err(refused(208, "Invalid object name"));
            }
        }
        let database = &self.database;
        let registry = |name: &str| database.registry.get(name).map(|value| vec![row(&[("value", value)])]);
        Ok(match statement.name {
            "server.version" => vec![row(&[("version", &database.server_version)])],
            "server.schemaModified" => vec![row(&[("modifiedAt", &database.modified_at.to_string())])],
            "server.permission" => vec![row(&[("allowed", "1")])],
            "server.databaseBytes" => vec![row(&[("bytes", &database.bytes.to_string())])],
            "server.sessions" => self.session_rows(),
            "server.databaseState" | "server.restoresRunning" | "server.lastRestore" | "restore.open" => {
                self.restore_answer(statement)
            }
            "server.backupsRunning" => self.backup_rows(),
            "superoffice.company" => vec![row(&[("version", &database.version)])],
            "superoffice.productVersion" => {
                database.server_setup.last().map(|version| row(&[("version", version)])).into_iter().collect()
            }
            "superoffice.databaseModel" => {
                let block = self.release(&database.version).and_then(|release| release.super_office.as_ref());
                let described = block.is_some_and(|block| block.dictionary);
                described.then(|| row(&[("modelVersion", "1")])).into_iter().collect()
            }
            "superoffice.config" => database.config_row().into_iter().collect(),
            "superoffice.instancePaths" => {
                let columns =
                    NUMBERED.iter().filter_map(|(id, column)| Some((*column, database.numbered.get(id)?.as_str())));
                vec![row(&columns.collect::<Vec<_>>())]
            }
            "superoffice.setCgiUrl" => return self.set_column(statement, "cgi_url"),
            "superoffice.setCgiUrlInternal" => return self.set_column(statement, "cgi_url_internal"),
            "superoffice.setWwwPath" => {
                let value = parameter(statement, 0)?;
                self.database.numbered.insert(109, value);
                self.database_write("operator");
                vec![row(&[("rows", "1")])]
            }
            "superoffice.attachments" => vec![row(&[("attachments", &database.attachments.to_string())])],
            "superoffice.useExtension" => registry("UseExtension").unwrap_or_default(),
            "superoffice.schedulerHeartbeat" => registry("EjournalCronNow").unwrap_or_default(),
            "superoffice.moduleOwner" => vec![row(&[("maintenanceTo", &database.maintenance_to.to_string())])],
            "superoffice.travellers" => vec![row(&[("travellersOut", &database.travellers_out.to_string())])],
            "superoffice.satellites" => vec![row(&[("satellites", &database.satellites.to_string())])],
            "superoffice.setUseExtension" => return self.set_use_extension(statement),
            unknown => return Err(refused(102, &format!("Incorrect syntax near '{unknown}'"))),
        })
    }

    fn set_use_extension(&mut self, statement: &Statement) -> Result<Vec<Row>, DatabaseError> {
        let value = parameter(statement, 0)?;
        let rows = match self.database.registry.get_mut("UseExtension") {
            Some(row) => {
                *row = value;
                self.database_write("operator");
                "1"
            }
            None => "0",
        };
        Ok(vec![row(&[("rows", rows)])])
    }

    fn set_column(&mut self, statement: &Statement, column: &str) -> Result<Vec<Row>, DatabaseError> {
        let value = parameter(statement, 0)?;
        self.database.addresses.insert(column.to_owned(), value);
        self.database_write("operator");
        Ok(vec![row(&[("rows", "1")])])
    }

    fn session_rows(&self) -> Vec<Row> {
        let number = |(index, (host, program, login)): (usize, (String, String, String))| {
            let id = (FIRST_SESSION + index).to_string();
            row(&[("session_id", &id), ("host_name", &host), ("program_name", &program), ("login_name", &login)])
        };
        self.sessions().into_iter().enumerate().map(number).collect()
    }

    fn backup_rows(&self) -> Vec<Row> {
        let names_file = self.assumptions.backup_text_names_file;
        let command = |path: &String| {
            if names_file {
                format!("BACKUP DATABASE [{}] TO DISK = N'{path}' WITH CHECKSUM", self.layout.database)
            } else {
                "BACKUP DATABASE @P1 TO DISK = @P2 WITH CHECKSUM".to_owned()
            }
        };
        self.database.backups_running.values().map(|path| row(&[("command", &command(path))])).collect()
    }
}

pub(crate) fn row(columns: &[(&str, &str)]) -> Row {
    columns.iter().map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn refused(number: i32, message: &str) -> DatabaseError {
    DatabaseError::Refused { number, message: message.to_owned() }
}

pub(crate) fn parameter(statement: &Statement, index: usize) -> Result<String, DatabaseError> {
    let missing = || refused(8178, &format!("parameter @P{} was not supplied", index + 1));
    statement.parameters.get(index).cloned().ok_or_else(missing)
}

/// The simulated SQL Server. It knows one login of each site.
#[derive(Clone)]
pub struct SimSql {
    world: World,
}

impl World {
    /// The SQL Server of this world.
    #[must_use]
    pub fn sql(&self) -> SimSql {
        SimSql { world: self.clone() }
    }
}

impl Connect for SimSql {
    fn connect(
        &self,
        target: Target,
        credentials: Credentials,
    ) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, DatabaseError>> {
        Box::pin(async move {
            let site = self.world.with(|state| state.site_of_login(&target.database, &credentials));
            self.world.at(&site, |state| {
                if target.server != state.layout.sql_server {
                    let message = "no such host is known".to_owned();
                    return Err(DatabaseError::Lost { server: target.server.clone(), message });
                }
                if credentials != state.credentials {
                    return Err(refused(18456, &format!("Login failed for user '{}'.", credentials.username())));
                }
                if target.database == crm_database::restore::MASTER {
                    return Ok(());
                }
                if target.database == state.layout.database && state.database.availability != Availability::Online {
                    let message =
                        format!("Database '{}' cannot be opened. It is in the middle of a restore.", target.database);
                    return Err(refused(927, &message));
                }
                if target.database != state.layout.database {
                    return Err(refused(4060, &format!("Cannot open database \"{}\".", target.database)));
                }
                Ok(())
            })?;
            let connection: Arc<dyn SqlServer> = Arc::new(Connection { world: self.world.clone(), site });
            Ok(connection)
        })
    }
}

/// A login, with the site whose database it was made to.
struct Connection {
    world: World,
    site: String,
}

impl SqlServer for Connection {
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        Box::pin(async move {
            let world = self.world.for_site(&self.site_of(&statement));
            match statement.name {
                "backup.take" => world.take_backup(&statement).await,
                "backup.verify" => world.verify_backup(&statement).await,
                "restore.take" => world.restore_database(&statement).await,
                "restoreTest.restore" => world.restore_scratch(&statement).await,
                "restoreTest.check" => world.check_scratch(&statement).await,
                "backup.header" => world.with(|state| state.backup_header(&statement)),
                _ => world.with(|state| state.answer(&statement)),
            }
        })
    }
}

impl Connection {
    /// What is asked of the server about a database that lets nobody in names that database.
    fn site_of(&self, statement: &Statement) -> String {
        let named = statement.parameters.first();
        self.world.at(&self.site, |state| named.map_or_else(|| self.site.clone(), |name| state.site_of_database(name)))
    }
}

//! Questions to the tables of a SuperOffice database (schema = table prefix). Tables and columns are those of the vendor's published database reference.

pub use crm_api::database::superoffice::{
    ATTACHMENT_PATH, ATTACHMENTS, CGI_URL, CGI_URL_INTERNAL, DATABASE_MODEL, DATABASE_VERSION, MAINTENANCE_TO,
    SATELLITES, SCHEDULER_HEARTBEAT, SERVER_SETUP_VERSION, SERVICE_INSTALLED_AT, SERVICE_VERSION, TRAVELLERS_OUT,
    USE_EXTENSION, WWW_PATH,
};

use crate::{Row, Statement, quote};

/// One question and the facts that its first row gives: fact name, column, source for a person.
#[derive(Clone, Debug)]
pub struct Question {
    /// What is sent.
    pub statement: Statement,
    /// Fact, column, source.
    pub facts: &'static [(&'static str, &'static str, &'static str)],
}

/// The questions about one site.
#[must_use]
pub fn questions(table_prefix: &str) -> Vec<Question> {
    let mut all = of_releases(table_prefix);
    all.extend(of_instance(table_prefix));
    all.extend(of_service(table_prefix));
    all.extend(of_licence(table_prefix));
    all
}

fn table(table_prefix: &str, name: &str) -> String {
    format!("{}.{}", quote(table_prefix), quote(name))
}

fn ask(name: &'static str, text: String, facts: &'static [(&'static str, &'static str, &'static str)]) -> Question {
    let statement = Statement { name, text, parameters: Vec::new(), time_limit_seconds: 30 };
    Question { statement, facts }
}

/// At which release the database is, and the programs that work on it.
fn of_releases(table_prefix: &str) -> Vec<Question> {
    let table = |name: &str| table(table_prefix, name);
    vec![
        ask(
            "superoffice.company",
            format!("SELECT version FROM {}", table("company")),
            &[(DATABASE_VERSION, "version", "company.version")],
        ),
        ask(
            "superoffice.productVersion",
            format!(
                "SELECT TOP 1 version FROM {} WHERE codeName = 'ServerSetup' ORDER BY ProductVersion_id DESC",
                table("ProductVersion")
            ),
            &[(SERVER_SETUP_VERSION, "version", "ProductVersion.version (ServerSetup)")],
        ),
        ask(
            "superoffice.databaseModel",
            // The table is there from 8.1 on only; SQL Server looks a name up when it comes to the statement.
            format!(
                "IF OBJECT_ID(N'{model}') IS NOT NULL SELECT TOP 1 CAST(ModelVersion AS nvarchar(64)) AS modelVersion \
                 FROM {model} ORDER BY databasemodel_id DESC",
                model = table("DatabaseModel")
            ),
            &[(DATABASE_MODEL, "modelVersion", "DatabaseModel.ModelVersion")],
        ),
    ]
}

/// Which Service the database holds, and where that says it lies.
fn of_instance(table_prefix: &str) -> Vec<Question> {
    let table = |name: &str| table(table_prefix, name);
    vec![
        ask(
            "superoffice.config",
            format!(
                "SELECT version, installed_at, attachment_path, cgi_url, cgi_url_internal, text_path, template_path, \
                 warning FROM {}",
                table("config")
            ),
            &[
                (SERVICE_VERSION, "version", "config.version"),
                (SERVICE_INSTALLED_AT, "installed_at", "config.installed_at"),
                (ATTACHMENT_PATH, "attachment_path", "config.attachment_path"),
                (CGI_URL, "cgi_url", "config.cgi_url"),
                (CGI_URL_INTERNAL, "cgi_url_internal", "config.cgi_url_internal"),
                ("textPath", "text_path", "config.text_path"),
                ("templatePath", "template_path", "config.template_path"),
                ("warningPath", "warning", "config.warning"),
            ],
        ),
        ask(
            "superoffice.instancePaths",
            // The vendor documents these rows by their numbers (upgrade to 8.1, move-crm-server; install/service,
            // manual-steps).
            format!(
                "SELECT MAX(CASE reg_id WHEN 109 THEN value END) AS wwwPath, \
                 MAX(CASE reg_id WHEN 1 THEN value END) AS senderPath, \
                 MAX(CASE reg_id WHEN 22 THEN value END) AS outboxPath, \
                 MAX(CASE reg_id WHEN 40 THEN value END) AS logPath, \
                 MAX(CASE reg_id WHEN 131 THEN value END) AS dbiPath, \
                 MAX(CASE reg_id WHEN 245 THEN value END) AS authenticationPath, \
                 MAX(CASE reg_id WHEN 284 THEN value END) AS imageResizerPath \
                 FROM {} WHERE reg_id IN (1, 22, 40, 109, 131, 245, 284)",
                table("registry")
            ),
            &[
                (WWW_PATH, "wwwPath", "registry.value (109, WwwPath)"),
                ("senderPath", "senderPath", "registry.value (1)"),
                ("outboxPath", "outboxPath", "registry.value (22)"),
                ("logPath", "logPath", "registry.value (40)"),
                ("dbiPath", "dbiPath", "registry.value (131)"),
                ("authenticationPath", "authenticationPath", "registry.value (245)"),
                ("imageResizerPath", "imageResizerPath", "registry.value (284)"),
            ],
        ),
    ]
}

/// What Service does and holds.
fn of_service(table_prefix: &str) -> Vec<Question> {
    let table = |name: &str| table(table_prefix, name);
    vec![
        ask(
            "superoffice.attachments",
            format!("SELECT COUNT(*) AS attachments FROM {}", table("attachment")),
            &[(ATTACHMENTS, "attachments", "attachment")],
        ),
        ask(
            "superoffice.useExtension",
            format!("SELECT value FROM {} WHERE name = 'UseExtension'", table("registry")),
            &[(USE_EXTENSION, "value", "registry.value (UseExtension)")],
        ),
        ask(
            "superoffice.schedulerHeartbeat",
            format!("SELECT value FROM {} WHERE name = 'EjournalCronNow'", table("registry")),
            &[(SCHEDULER_HEARTBEAT, "value", "registry.value (EjournalCronNow)")],
        ),
    ]
}

/// What can make the vendor's setup refuse an upgrade.
fn of_licence(table_prefix: &str) -> Vec<Question> {
    let table = |name: &str| table(table_prefix, name);
    vec![
        ask(
            "superoffice.moduleOwner",
            format!("SELECT MIN(maintenanceTo) AS maintenanceTo FROM {}", table("ModuleOwner")),
            &[(MAINTENANCE_TO, "maintenanceTo", "ModuleOwner.maintenanceTo")],
        ),
        ask(
            "superoffice.travellers",
            format!("SELECT COUNT(*) AS travellersOut FROM {}", table("traveller")),
            &[(TRAVELLERS_OUT, "travellersOut", "traveller")],
        ),
        ask(
            "superoffice.satellites",
            format!("SELECT COUNT(*) AS satellites FROM {}", table("satellite")),
            &[(SATELLITES, "satellites", "satellite")],
        ),
    ]
}

/// Sets the ending of generated links. The row is found by its name; its id differs between databases.
#[must_use]
pub fn set_use_extension(table_prefix: &str, value: &str) -> Statement {
    Statement {
        name: "superoffice.setUseExtension",
        text: format!(
            "UPDATE {}.[registry] SET value = @P1 WHERE name = 'UseExtension'; SELECT @@ROWCOUNT AS rows",
            quote(table_prefix)
        ),
        parameters: vec![value.to_owned()],
        time_limit_seconds: 30,
    }
}

/// Sets one column of the one row of `config` (vendor: upgrade to 8.1, move-crm-server: these are changed by SQL).
fn set_config(name: &'static str, table_prefix: &str, column: &str, value: &str) -> Statement {
    Statement {
        name,
        text: format!("UPDATE {}.[config] SET {column} = @P1; SELECT @@ROWCOUNT AS rows", quote(table_prefix)),
        parameters: vec![value.to_owned()],
        time_limit_seconds: 30,
    }
}

/// Sets where Service lies on its host. The vendor documents this row by its number, 109.
fn set_www_path(table_prefix: &str, value: &str) -> Statement {
    Statement {
        name: "superoffice.setWwwPath",
        text: format!(
            "UPDATE {}.[registry] SET value = @P1 WHERE reg_id = 109; SELECT @@ROWCOUNT AS rows",
            quote(table_prefix)
        ),
        parameters: vec![value.to_owned()],
        time_limit_seconds: 30,
    }
}

/// The statement that sets a named setting, by the name of the fact that shows it; `None` for an unknown one.
#[must_use]
pub fn set_setting(table_prefix: &str, setting: &str, value: &str) -> Option<Statement> {
    match setting {
        USE_EXTENSION => Some(set_use_extension(table_prefix, value)),
        CGI_URL => Some(set_config("superoffice.setCgiUrl", table_prefix, "cgi_url", value)),
        CGI_URL_INTERNAL => Some(set_config("superoffice.setCgiUrlInternal", table_prefix, "cgi_url_internal", value)),
        WWW_PATH => Some(set_www_path(table_prefix, value)),
        _ => None,
    }
}

/// Value of a column in the first row.
#[must_use]
pub fn first<'rows>(rows: &'rows [Row], column: &str) -> Option<&'rows str> {
    rows.first().and_then(|row| row.get(column)).map(String::as_str)
}

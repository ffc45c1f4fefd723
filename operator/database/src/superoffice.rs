//! Questions to the tables of a SuperOffice database (schema = table prefix). Tables and columns are those of the vendor's published database reference.

pub use crm_api::database::superoffice::{
    ATTACHMENT_PATH, ATTACHMENTS, CGI_URL, DATABASE_MODEL, DATABASE_VERSION, MAINTENANCE_TO, SATELLITES,
    SCHEDULER_HEARTBEAT, SERVER_SETUP_VERSION, SERVICE_INSTALLED_AT, SERVICE_VERSION, TRAVELLERS_OUT, USE_EXTENSION,
    WWW_PATH,
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
    let table = |name: &str| format!("{}.{}", quote(table_prefix), quote(name));
    let ask = |name, text: String, facts| Question {
        statement: Statement { name, text, parameters: Vec::new(), time_limit_seconds: 30 },
        facts,
    };
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
        ask(
            "superoffice.config",
            format!("SELECT version, installed_at, attachment_path, cgi_url FROM {}", table("config")),
            &[
                (SERVICE_VERSION, "version", "config.version"),
                (SERVICE_INSTALLED_AT, "installed_at", "config.installed_at"),
                (ATTACHMENT_PATH, "attachment_path", "config.attachment_path"),
                (CGI_URL, "cgi_url", "config.cgi_url"),
            ],
        ),
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
        ask(
            "superoffice.wwwPath",
            // One of the few rows whose number the vendor documents (install/service, manual-steps).
            format!("SELECT value FROM {} WHERE reg_id = 109", table("registry")),
            &[(WWW_PATH, "value", "registry.value (109, WwwPath)")],
        ),
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

/// The statement that sets a named setting, by the name of the fact that shows it; `None` for an unknown one.
#[must_use]
pub fn set_setting(table_prefix: &str, setting: &str, value: &str) -> Option<Statement> {
    (setting == USE_EXTENSION).then(|| set_use_extension(table_prefix, value))
}

/// Value of a column in the first row.
#[must_use]
pub fn first<'rows>(rows: &'rows [Row], column: &str) -> Option<&'rows str> {
    rows.first().and_then(|row| row.get(column)).map(String::as_str)
}

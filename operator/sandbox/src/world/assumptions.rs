//! Everything in this world that no vendor document says: one field per invention, with the other answer as its switch.
//!
//! A scenario may set any of them (`spec.assumptions`). What is not here follows the vendor's documents, named where
//! the behaviour is written.

use serde::{Deserialize, Serialize};

/// The inventions of this world and their usual answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Assumptions {
    /// Exit code of any vendor program that says it went well (undocumented for all of them).
    pub exit_success: i32,
    /// Exit code of a vendor program that refuses or gives up.
    pub exit_refused: i32,
    /// Exit code of `upgrade.exe` after `Exception caught in main()`. 0: text follows the exception as if all were well.
    pub exit_after_exception: i32,
    /// Arguments that keep an installer from opening a window. Without one of them, and without a person, it waits for
    /// ever (documented are ServerSetup's `/I`, silent-serversetup, and CrmSetup's `--arg-file`, crmsetup-and-crmtask).
    pub silent_switches: Vec<String>,
    /// Real duration of an installer in percent of the minutes that the catalogue expects: lowest.
    pub duration_percent_min: u32,
    /// The same: highest.
    pub duration_percent_max: u32,
    /// Whether the CRM Server setup goes on where a run was cut off in the middle of the schema. `false`: the vendor's
    /// "no recovery from a crash half-way" (install/database/dbsetup-exe) holds, and it refuses.
    pub crm_server_resumes_schema: bool,
    /// Setup type by which a person tells Web's setup to install NetServer web services only. That there is such a type is
    /// documented (install/netserver), its words are not.
    pub setup_type_net_server: String,
    /// Argument that tells Web's setup the same.
    pub argument_net_server: String,
    /// Entry of a NetServer of its own in the list of installed programs.
    pub net_server_program: String,
    /// Whether the Web installer stops the pool that it replaces files under.
    pub web_installer_stops_pool: bool,
    /// Whether the Web installer starts that pool again.
    pub web_installer_starts_pool: bool,
    /// Whether the Service installer stops the scheduler (undocumented).
    pub service_installer_stops_scheduler: bool,
    /// Whether the Service installer freezes the instance (undocumented).
    pub service_installer_freezes: bool,
    /// Whether the Service installer leaves a pending restart where it finds programs of the instance running.
    pub service_installer_pends_restart: bool,
    /// Programs that the next release adds to `www\scripts`. That there may be new ones is documented (install/iis), not
    /// which.
    pub service_programs_added: Vec<String>,
    /// Question of `upgrade.exe` before anything else; `-noconfirm` leaves it out.
    pub question_confirm: String,
    /// Question of `upgrade.exe` for the instance where no `-d` says it.
    pub question_domain: String,
    /// Question of `upgrade.exe` for the name of the site in IIS manager.
    pub question_site: String,
    /// Question of `upgrade.exe` about FastCGI.
    pub question_fast_cgi: String,
    /// Question of `upgrade.exe` about moving attachments.
    pub question_attachments: String,
    /// Questions of `upgrade.exe` for the symmetric key and secret where Service's `config` has none.
    pub questions_keys: [String; 2],
    /// Questions of `ejTermSetup.exe`: what it asks for and in which order is documented (automated-tasks/ejtermsetup,
    /// install/service), the words are not.
    pub questions_set_up: Vec<String>,
    /// Whether `ejTermSetup.exe` refuses a second run. `false`: it overwrites what stands in the database; the vendor only
    /// warns.
    pub set_up_refuses_second_run: bool,
    /// Offer of `upgrade.exe` to stop where IIS or rights do not suit FastCGI.
    pub question_abort: String,
    /// What `upgrade.exe` does when its input ends at a question.
    pub upgrade_at_end_of_input: EndOfInput,
    /// What `upgrade.exe -noconfirm` does where it would offer to abort: `true` aborts, `false` goes on.
    pub upgrade_noconfirm_aborts: bool,
    /// Key of the instance in the file of `-config-file` (key names are undocumented).
    pub config_key_domain: String,
    /// Key of the IIS site there.
    pub config_key_site: String,
    /// Key of the FastCGI answer there.
    pub config_key_fast_cgi: String,
    /// Key of the attachments answer there.
    pub config_key_attachments: String,
    /// Whether `upgrade.exe` writes `UseExtension` where FastCGI is accepted. That links end in `.fcgi` afterwards is
    /// documented (upgrade/service), who writes the row is not.
    pub upgrade_sets_use_extension: bool,
    /// Whether `upgrade.exe` starts the scheduler at its end (install/iis/reverse-proxy says that it does) where its
    /// start type allows.
    pub upgrade_starts_scheduler: bool,
    /// Whether `upgrade.exe` fails where it cannot start the scheduler (undocumented). `false`: it says so and goes on.
    pub upgrade_needs_startable_scheduler: bool,
    /// Seconds that `upgrade.exe` takes for 10,000 attachments.
    pub attachment_seconds_per_folder: u64,
    /// Folder of the attachments.
    pub attachments_folder: String,
    /// Mebibytes that SQL Server backs up in a minute.
    pub backup_mebibytes_per_minute: u64,
    /// Free room on the backup share before the first backup, in mebibytes.
    pub backup_share_free_mebibytes: u64,
    /// Whether a backup goes on when the one who asked for it is gone. `false`: SQL Server rolls it back.
    pub backup_survives_caller: bool,
    /// Whether a running backup's text names its file. `false`: a text with parameters shows `@P2`, as a real server does.
    pub backup_text_names_file: bool,
    /// Seconds that a program started by the scheduler runs.
    pub scheduler_child_seconds: u64,
    /// Whether the scheduler's own process runs from the instance's `bin` folder.
    pub scheduler_runs_from_bin: bool,
    /// Seconds that a service takes to start or stop.
    pub service_seconds: u64,
    /// Seconds that an application pool takes to start or stop.
    pub pool_seconds: u64,
    /// Seconds for a copy of a tree, an export or an unpacking.
    pub copy_seconds: u64,
    /// Seconds that a machine is away when it restarts.
    pub reboot_seconds: u64,
    /// Whether a stopped pool stays stopped over a restart of Windows.
    pub pool_stays_stopped: bool,
    /// Minutes for which a Windows client that is too old for the database stays open, and connected, before its user gives
    /// it up.
    pub old_client_minutes: u64,
    /// Minutes that users need to notice that they can work again.
    pub users_return_minutes: u64,
    /// Whether users stay away until all of the site is open. `false`: each comes back when their own client answers.
    pub users_wait_for_all: bool,
    /// Minutes that those who left because they were told stay away where the site never closes.
    pub told_users_wait_minutes: u64,
}

/// What `upgrade.exe` does when its input ends at a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndOfInput {
    /// It ends without having done anything.
    Abort,
    /// It takes the first answer that it offers: the only site, yes, yes.
    TakeDefault,
}

/// What `ejTermSetup.exe` asks, in the order of the vendor's list (install/service); the words are ours.
const QUESTIONS_SET_UP: [&str; 20] = [
    "language (no/se/dk/de/nl/en/fr/es/it/cs/fi/pl): ",
    "hostname: ",
    "your name: ",
    "database type (mssql/oracle): ",
    "database user: ",
    "database password: ",
    "DSN: ",
    "NetServer endpoint: ",
    "CRM admin user: ",
    "CRM admin password: ",
    "base path: ",
    "CRM login of the first user: ",
    "e-mail of the first user: ",
    "default e-mail: ",
    "SMTP host: ",
    "SMTP port: ",
    "cgi-bin path: ",
    "HTTP path: ",
    "is this server on the Internet (yes/no)? ",
    "start ejScheduler now (yes/no)? ",
];

impl Default for Assumptions {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            exit_success: 0,
            exit_refused: 1,
            exit_after_exception: 0,
            silent_switches: ["/I", "--arg-file", "-s", "/s", "/quiet", "/silent", "/qn"].map(str::to_owned).to_vec(),
            duration_percent_min: 70,
            duration_percent_max: 100,
            crm_server_resumes_schema: false,
            setup_type_net_server: text("NetServer web services"),
            argument_net_server: text("/type=NetServer"),
            net_server_program: text("SuperOffice NetServer"),
            web_installer_stops_pool: true,
            web_installer_starts_pool: false,
            service_installer_stops_scheduler: false,
            service_installer_freezes: false,
            service_installer_pends_restart: true,
            service_programs_added: vec![text("kb.exe")],
            question_confirm: text("This will upgrade the installation. Do you want to continue (yes/no)? "),
            question_domain: text("Which domain do you want to upgrade? "),
            question_site: text("What is the name of the IIS site? "),
            question_fast_cgi: text("Do you want to set up FastCGI (yes/no)? "),
            question_attachments: text("Do you want to remap attachments to sub-folders now (yes/no/skip)? "),
            questions_keys: [text("SymmetricKey: "), text("SymmetricSecret: ")],
            questions_set_up: QUESTIONS_SET_UP.map(text).to_vec(),
            set_up_refuses_second_run: false,
            question_abort: text("Do you want to abort the upgrade so that you can fix this (yes/no)? "),
            upgrade_at_end_of_input: EndOfInput::Abort,
            upgrade_noconfirm_aborts: false,
            config_key_domain: text("domain"),
            config_key_site: text("iisSite"),
            config_key_fast_cgi: text("fastCgi"),
            config_key_attachments: text("remapAttachments"),
            upgrade_sets_use_extension: true,
            upgrade_starts_scheduler: true,
            upgrade_needs_startable_scheduler: true,
            attachment_seconds_per_folder: 300,
            attachments_folder: text("C:\\SuperOffice\\Attachments"),
            backup_mebibytes_per_minute: 4096,
            backup_share_free_mebibytes: 512_000,
            backup_survives_caller: true,
            backup_text_names_file: true,
            scheduler_child_seconds: 20,
            scheduler_runs_from_bin: false,
            service_seconds: 5,
            pool_seconds: 3,
            copy_seconds: 40,
            reboot_seconds: 150,
            pool_stays_stopped: true,
            old_client_minutes: 15,
            users_return_minutes: 1,
            users_wait_for_all: true,
            told_users_wait_minutes: 360,
        }
    }
}

//! The scheduler: every minute it starts the programs that send, fetch and tidy up. Freezing an instance does not stop
//! it (vendor: automated-tasks/ejournalcron, upgrade/to-81/move-crm-server).

use crate::world::layout::{Layout, SCHEDULED_PROGRAMS};
use crate::world::process::Owner;
use crate::world::state::State;
use crate::world::vendor::Role;

impl State {
    /// A minute has begun: wherever the service runs, its programs start.
    pub(crate) fn scheduler_tick(&mut self) {
        self.crash_old_net_servers();
        self.tick(self.layout.clone());
        if let Some(former) = self.former.clone() {
            self.tick(former);
        }
    }

    fn tick(&mut self, layout: Layout) {
        let (site, scheduler, bin) = (layout.site.clone(), layout.scheduler.clone(), layout.bin());
        for node in layout.service_nodes {
            let now = self.now;
            let Some(machine) = self.machines.get_mut(&node) else {
                continue;
            };
            if !machine.up || !machine.runs_service(&scheduler) {
                continue;
            }
            let version = machine.files.version(&format!("{bin}\\ejournalCron.exe"));
            let Ok(number) = version else { continue };
            for program in SCHEDULED_PROGRAMS {
                machine.processes.add(&site, &format!("{bin}\\{program}"), now, Owner::Scheduler, Role::Plain);
            }
            self.write_as_scheduler(&node, &number);
        }
    }

    fn write_as_scheduler(&mut self, node: &str, number: &str) {
        let by = format!("ejournalCron@{node}");
        if !self.database.fits(number) {
            self.wrong_schema(&by, number);
        }
        self.database.registry.insert("EjournalCronNow".to_owned(), self.now.to_string());
        self.database_write(&by);
    }

    /// The programs that this minute's tick started come to their end.
    pub(crate) fn scheduler_children_end(&mut self) {
        let site = self.layout.site.clone();
        for node in self.layout.service_nodes.clone() {
            let Some(machine) = self.machines.get_mut(&node) else {
                continue;
            };
            let before = machine.processes.all.len();
            machine.processes.all.retain(|_, process| process.owner != Owner::Scheduler || process.site != site);
            if machine.processes.all.len() < before {
                // Their last act is a write.
                self.database_write(&format!("importMail@{node}"));
            }
        }
    }
}

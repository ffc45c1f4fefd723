//! What an agent sees of that machine, and does to it.

use super::*;

fn content(text: &str) -> FileContent {
    FileContent { size_bytes: i64::try_from(text.len()).unwrap(), sha256: format!("sha of {text}") }
}

fn not_found(what: &str) -> HostError {
    HostError::NotFound(what.to_owned())
}

fn unused<'a, T>() -> Answered<'a, T> {
    async { Err(HostError::Refused("not in this world".to_owned())) }.boxed()
}

fn tree(inner: &Inner, path: &str) -> Result<BTreeMap<String, FileContent>, HostError> {
    let below = format!("{path}\\");
    let tree: BTreeMap<_, _> = inner
        .files
        .iter()
        .filter_map(|(name, text)| Some((name.strip_prefix(&below)?.to_owned(), content(text))))
        .collect();
    if tree.is_empty() { Err(not_found(path)) } else { Ok(tree) }
}

impl Host for World {
    fn machine(&self) -> Answered<'_, Machine> {
        self.read(|inner| Ok(Machine { elevated: true, boot_id: inner.boot.to_string(), ..Machine::default() }))
    }

    fn machine_id(&self) -> Answered<'_, String> {
        self.read(|inner| Ok(inner.machine_id.to_owned()))
    }

    fn installed_program<'a>(&'a self, name: &'a str) -> Answered<'a, (String, String)> {
        self.read(move |inner| match inner.installed.as_str() {
            "" => Err(not_found(name)),
            version => Ok((version.to_owned(), String::new())),
        })
    }

    fn file_version<'a>(&'a self, _path: &'a str) -> Answered<'a, String> {
        unused()
    }

    fn file_content<'a>(&'a self, path: &'a str) -> Answered<'a, FileContent> {
        self.read(move |inner| inner.files.get(path).map(|text| content(text)).ok_or_else(|| not_found(path)))
    }

    fn read_file<'a>(&'a self, path: &'a str) -> Answered<'a, Vec<u8>> {
        self.read(move |inner| {
            inner.files.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| not_found(path))
        })
    }

    fn replace_file<'a>(&'a self, path: &'a str, content: Vec<u8>) -> Answered<'a, ()> {
        self.change(move |inner, _| {
            inner.files.insert(path.to_owned(), String::from_utf8(content).unwrap());
            Ok(())
        })
    }

    fn folders<'a>(&'a self, _path: &'a str) -> Answered<'a, Vec<String>> {
        unused()
    }

    fn listing<'a>(&'a self, path: &'a str) -> Answered<'a, BTreeMap<String, i64>> {
        self.read(move |inner| {
            let tree = tree(inner, path)?;
            Ok(tree.into_iter().map(|(path, content)| (path, content.size_bytes)).collect())
        })
    }

    fn tree<'a>(&'a self, path: &'a str) -> Answered<'a, BTreeMap<String, FileContent>> {
        self.read(move |inner| tree(inner, path))
    }

    fn folder_size<'a>(&'a self, _path: &'a str) -> Answered<'a, FolderContent> {
        unused()
    }

    fn numbered_files<'a>(&'a self, _path: &'a str) -> Answered<'a, Numbered> {
        unused()
    }

    fn disk_free<'a>(&'a self, _path: &'a str) -> Answered<'a, i64> {
        unused()
    }

    fn copy_file<'a>(&'a self, from: &'a str, to: &'a str) -> Answered<'a, ()> {
        self.change(move |inner, _| {
            let text = inner.files.get(from).cloned().ok_or_else(|| not_found(from))?;
            inner.files.insert(to.to_owned(), text);
            Ok(())
        })
    }

    fn copy_tree<'a>(&'a self, from: &'a str, to: &'a str) -> Answered<'a, ()> {
        self.change(move |inner, _| {
            for name in tree(inner, from)?.into_keys() {
                if let Some(text) = inner.files.get(&format!("{from}\\{name}")).cloned() {
                    inner.files.insert(format!("{to}\\{name}"), text);
                }
                if let Some(meanwhile) = inner.meanwhile.take() {
                    meanwhile(&mut inner.files, &name);
                }
            }
            Ok(())
        })
    }

    fn unpack<'a>(&'a self, _archive: &'a str, to: &'a str) -> Answered<'a, ()> {
        self.change(move |inner, _| {
            inner.files.insert(format!("{to}\\setup.exe"), "program".to_owned());
            Ok(())
        })
    }

    fn registry_subkeys<'a>(&'a self, key: &'a str) -> Answered<'a, BTreeMap<String, BTreeMap<String, String>>> {
        self.read(move |inner| {
            let prefix = format!("{key}\\");
            let below = inner.registry.iter().filter_map(|(path, text)| Some((path.strip_prefix(&prefix)?, text)));
            let values = |text: &str| {
                text.lines()
                    .filter_map(|line| line.split_once('='))
                    .map(|(a, b)| (a.to_owned(), b.to_owned()))
                    .collect()
            };
            Ok(below.map(|(name, text)| (name.to_owned(), values(text))).collect())
        })
    }

    fn export_registry<'a>(&'a self, key: &'a str, to: &'a str) -> Answered<'a, ()> {
        self.change(move |inner, _| {
            inner.files.insert(to.to_owned(), format!("[{key}]"));
            Ok(())
        })
    }

    fn service<'a>(&'a self, name: &'a str) -> Answered<'a, (RunState, StartType)> {
        self.read(move |inner| match inner.services.get(name) {
            Some((Some(state), Some(start))) => Ok((*state, *start)),
            _ => Err(not_found(name)),
        })
    }

    fn set_service_start<'a>(&'a self, name: &'a str, start: StartType) -> Answered<'a, ()> {
        self.change(move |inner, _| {
            inner.services.get_mut(name).ok_or_else(|| not_found(name))?.1 = Some(start);
            Ok(())
        })
    }

    fn set_service_state<'a>(&'a self, name: &'a str, state: RunState) -> Answered<'a, ()> {
        self.change(move |inner, _| {
            if let Some(sentence) = inner.refuse {
                return Err(HostError::Refused(sentence.to_owned()));
            }
            inner.services.get_mut(name).ok_or_else(|| not_found(name))?.0 = Some(state);
            Ok(())
        })
    }

    fn processes_below<'a>(&'a self, folder: &'a str) -> Answered<'a, Vec<String>> {
        self.read(move |inner| {
            let running = inner.processes.iter().filter(|process| process.runs());
            let below = running.filter_map(|process| process.path.strip_prefix(folder));
            Ok(below.map(|name| name.trim_start_matches('\\').to_uppercase()).collect())
        })
    }

    fn pool<'a>(&'a self, _name: &'a str) -> Answered<'a, RunState> {
        unused()
    }

    fn set_pool_state<'a>(&'a self, _name: &'a str, _state: RunState) -> Answered<'a, ()> {
        unused()
    }

    fn sites_serving<'a>(&'a self, _folder: &'a str) -> Answered<'a, Vec<String>> {
        unused()
    }

    fn handlers<'a>(&'a self, _site: &'a str, _folder: &'a str) -> Answered<'a, HandlerMap> {
        unused()
    }

    fn remove_handlers<'a>(&'a self, _site: &'a str, _folder: &'a str) -> Answered<'a, ()> {
        unused()
    }

    fn export_iis<'a>(&'a self, to: &'a str) -> Answered<'a, ()> {
        self.change(move |inner, _| {
            inner.files.insert(format!("{to}\\applicationHost.config"), "iis".to_owned());
            Ok(())
        })
    }

    fn move_file<'a>(&'a self, from: &'a str, to: &'a str) -> Answered<'a, ()> {
        self.change(move |inner, _| {
            let text = inner.files.remove(from).ok_or_else(|| not_found(from))?;
            inner.files.insert(to.to_owned(), text);
            Ok(())
        })
    }

    fn registry_content<'a>(&'a self, key: &'a str) -> Answered<'a, FileContent> {
        self.read(move |inner| inner.registry.get(key).map(|text| content(text)).ok_or_else(|| not_found(key)))
    }

    fn import_registry<'a>(&'a self, key: &'a str, from: &'a str) -> Answered<'a, ()> {
        self.change(move |inner, _| {
            let text = inner.files.get(from).cloned().ok_or_else(|| not_found(from))?;
            inner.registry.insert(key.to_owned(), text);
            Ok(())
        })
    }

    fn iis_content(&self) -> Answered<'_, BTreeMap<String, FileContent>> {
        unused()
    }

    fn import_iis<'a>(&'a self, _from: &'a str) -> Answered<'a, ()> {
        unused()
    }

    fn get_url<'a>(&'a self, _url: &'a str) -> Answered<'a, i32> {
        unused()
    }

    fn get_text<'a>(&'a self, _url: &'a str) -> Answered<'a, String> {
        unused()
    }

    fn mail_replies<'a>(&'a self, _host: &'a str, _port: u16, commands: &'a [String]) -> Answered<'a, Vec<String>> {
        self.read(move |inner| {
            let answers = ["220 mail", "250 mail"].into_iter().chain(commands.iter().map(|_| "250 ok"));
            let mut replies: Vec<String> = answers.map(str::to_owned).collect();
            if let Some(sentence) = inner.refuse {
                *replies.last_mut().unwrap() = sentence.to_owned();
            }
            Ok(replies)
        })
    }

    fn addresses<'a>(&'a self, _name: &'a str) -> Answered<'a, Vec<IpAddr>> {
        async { Ok(vec![IpAddr::from([192, 0, 2, 20]), IpAddr::from([192, 0, 2, 3])]) }.boxed()
    }

    fn start_process<'a>(&'a self, program: &'a str, _arguments: &'a [String]) -> Answered<'a, ProcessId> {
        self.change(move |inner, now| {
            let script = inner.programs.get(program).cloned().ok_or_else(|| not_found(program))?;
            let pid = u32::try_from(inner.processes.len()).unwrap() + 100;
            let id = ProcessId { pid, started_at: now, boot_id: inner.boot.to_string() };
            inner.starts.push(program.to_owned());
            inner.processes.push(Process::new(id.clone(), program, script, now));
            Ok(id)
        })
    }

    fn process<'a>(&'a self, process: &'a ProcessId) -> Answered<'a, ProcessState> {
        self.read(move |inner| {
            let found = inner.processes.iter().find(|other| other.id == *process);
            Ok(found.map_or(ProcessState::Gone, Process::state))
        })
    }

    fn type_line<'a>(&'a self, process: &'a ProcessId, line: &'a str) -> Answered<'a, ()> {
        self.change(move |inner, _| {
            inner.typed.push(line.to_owned());
            let found = inner.processes.iter_mut().find(|other| other.id == *process);
            found.ok_or_else(|| not_found("process"))?.input.push(line.to_owned());
            Ok(())
        })
    }

    fn close_console<'a>(&'a self, process: &'a ProcessId) -> Answered<'a, ()> {
        self.change(move |inner, _| {
            let found = inner.processes.iter_mut().find(|other| other.id == *process);
            found.ok_or_else(|| not_found("process"))?.closed = true;
            Ok(())
        })
    }

    fn read_journal(&self) -> Answered<'_, Option<String>> {
        self.read(|inner| Ok(inner.journal.clone()))
    }

    fn write_journal(&self, text: String) -> Answered<'_, ()> {
        self.change(move |inner, _| {
            inner.journal = Some(text);
            Ok(())
        })
    }
}

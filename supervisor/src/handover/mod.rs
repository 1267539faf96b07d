//! What tasks hand on to those that wait for them: JSON and variables, by the rules of devenv's tasks.
//!
//! A task finds two files, named by [`OUTPUT_FILE`] and [`EXPORTS_FILE`]. What it leaves in them when
//! it ends well is read here ([`Given`]) and kept ([`Handed`]): its dependants, however indirect,
//! find the JSON of all of them in [`OUTPUTS`] and each exported variable under its own name. Who
//! does not wait for a task gets nothing of it: it would depend on who was faster.
//!
//! Nothing here touches a file.

use std::collections::BTreeMap;
use std::fmt::Display;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::spec::json::{self, Json};
use crate::spec::{Kind, Plan, ProcessId};

/// Names the file a task writes JSON to.
pub const OUTPUT_FILE: &str = "DEVENV_TASK_OUTPUT_FILE";

/// Names the file a task writes variables to: each a name, NUL, its value in base64, NUL.
pub const EXPORTS_FILE: &str = "DEVENV_TASK_EXPORTS_FILE";

/// Holds what tasks have written, as an object with a key for each that has written something.
pub const OUTPUTS: &str = "DEVENV_TASKS_OUTPUTS";

/// As many bytes of either file as are read; more is refused. It is twice of what [`LONGEST`] lets
/// through, as blanks of JSON and base64 are not handed on.
pub const MOST_BYTES: u64 = 256 << 10;

/// As many variables as one task may export.
const MOST_VARIABLES: usize = 4096;

/// What to do where it is too much.
pub const SMALLER: &str = "hint: write it to a file of your own and hand on the name of that";

/// How variables are exported.
const FORMAT: &str = "hint: write each as its name, NUL, its value in base64, NUL";

/// What is every process's own, made for it or not there: nobody hands on its own.
const PERSONAL: [&str; 7] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    OUTPUTS,
];

/// As long as `NAME=VALUE` with the NUL at its end can be: the kernel passes on no longer one
/// (`MAX_ARG_STRLEN` of `execve(2)`, with pages of 4 KiB).
const LONGEST: usize = 128 << 10;

/// What one task has handed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Its JSON, with what it exports at `devenv.env`; empty where it has written nothing. Reading it
    /// gives the same again.
    pub text: String,
    /// What it exports; of two of the same name the later one counts.
    variables: Vec<(String, String)>,
}

impl Given {
    /// The values of variables of these names.
    pub fn values_of(&self, names: &[String]) -> Vec<Vec<u8>> {
        let named = self.variables.iter().filter(|(name, _)| names.contains(name));
        named.map(|(_, value)| value.clone().into_bytes()).collect()
    }

    /// Reads what a task has left in its two files. Variables may stand in either: at `devenv.env`
    /// of the JSON, or in the file for them, which wins.
    ///
    /// # Errors
    /// What is wrong, and with which of the files.
    pub fn read(output: &[u8], exports: &[u8]) -> Result<Self, String> {
        let wrong = |why: &dyn Display| format!("{OUTPUT_FILE} does not hold JSON: {why}");
        let output = std::str::from_utf8(output).map_err(|error| wrong(&error))?;
        let written = !output.trim().is_empty();
        let json = written.then(|| json::read::read(output)).transpose();
        let mut json = json.map_err(|fault| wrong(&fault))?;
        let mut variables = Vec::new();
        if let Some(Json::Object(exported)) =
            json.as_ref().and_then(|json| json.get("devenv")?.get("env"))
        {
            for (name, value) in exported {
                if let Json::Text(value) = value
                    && !is_personal(name)
                {
                    check(OUTPUT_FILE, name, value)?;
                    variables.push((name.clone(), value.clone()));
                }
            }
        }
        let exported = exported(exports)?;
        if !exported.is_empty() {
            // An output that is no object stays as it is; the variables are handed on all the same.
            let json = json.get_or_insert_with(|| Json::Object(Vec::new()));
            if let Some(Json::Object(all)) =
                entry_of(json, "devenv").and_then(|one| entry_of(one, "env"))
            {
                lay_over(all, &exported);
            }
        }
        variables.extend(exported);
        if variables.len() > MOST_VARIABLES {
            let count = variables.len();
            return Err(format!("it exports {count} variables, {MOST_VARIABLES} are allowed"));
        }
        let text = json.as_ref().map(Json::to_string).unwrap_or_default();
        check("what it hands on", OUTPUTS, &text)?;
        Ok(Self { text, variables })
    }
}

/// What every task of a plan has handed on so far.
#[derive(Clone, Debug, Default)]
pub struct Handed {
    /// Whether there is a task at all.
    any: bool,
    /// By process, for those that have handed something on.
    given: Vec<(ProcessId, Given)>,
}

impl Handed {
    /// Nothing yet.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let any = plan.processes.iter().any(|process| process.kind == Kind::Task);
        Self { any, given: Vec::new() }
    }

    /// A task has ended well. What an earlier run of it had handed on is forgotten.
    ///
    /// # Errors
    /// Together with what other tasks have handed on it is more than who waits for all of them can
    /// get. Then all is as it was before.
    pub fn put(&mut self, plan: &Plan, task: ProcessId, given: Given) -> Result<(), String> {
        let before = self.given.clone();
        self.given.retain(|(other, _)| *other != task);
        self.given.push((task, given));
        // A name and what stands around it are shorter than that.
        let lengths = self.given.iter().map(|(_, given)| given.text.len() + 256);
        if lengths.sum::<usize>() < LONGEST {
            return Ok(());
        }
        let all = (0..).map(ProcessId).zip(&plan.processes).map(|(id, _)| id);
        let refused = all.filter(|id| plan.before(*id).contains(&task));
        let refused = refused.map(|id| self.variables(plan, id)).find_map(Result::err);
        refused.map_or(Ok(()), |why| {
            self.given = before;
            Err(why)
        })
    }

    /// The variables a process gets from the tasks it waits for, the later ones of one name counting:
    /// where two tasks export the same, that of the task whose name sorts last. [`OUTPUTS`] is there
    /// for every task and for whoever waits for one.
    ///
    /// # Errors
    /// It is more than a variable can hold.
    pub fn variables(&self, plan: &Plan, of: ProcessId) -> Result<Vec<(String, String)>, String> {
        let mut variables = Vec::new();
        let task = |id| plan.process(id).filter(|process| process.kind == Kind::Task);
        let before = if self.any { plan.before(of) } else { Vec::new() };
        let mut names: Vec<&str> =
            before.iter().filter_map(|id| Some(task(*id)?.name.as_str())).collect();
        if names.is_empty() && task(of).is_none() {
            return Ok(variables);
        }
        names.sort_unstable();
        names.dedup();
        let mut outputs = String::new();
        for name in names {
            let is_it = |id| task(id).is_some_and(|task| task.name == name);
            // Of several replicas the one that was last.
            let found = self.given.iter().rev().find(|(id, _)| is_it(*id));
            let Some((_, given)) = found else { continue };
            variables.extend(given.variables.iter().cloned());
            if !given.text.is_empty() {
                let comma = if outputs.is_empty() { "" } else { "," };
                // The names of processes need no escape.
                outputs += &format!("{comma}\"{name}\":{}", given.text);
            }
        }
        outputs = format!("{{{outputs}}}");
        check("all that is handed on", OUTPUTS, &outputs)?;
        variables.push((OUTPUTS.to_owned(), outputs));
        Ok(variables)
    }
}

/// Whether a variable can be passed on; `source` is where it comes from.
fn check(source: &str, name: &str, value: &str) -> Result<(), String> {
    let shown = name.escape_debug();
    // POSIX, XBD 8.1, as for the variables of a spec.
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!("{source}: \"{shown}\" cannot be a variable's name"));
    }
    if value.contains('\0') {
        return Err(format!("{source}: the value of {shown} holds a NUL byte"));
    }
    let length = name.len() + value.len() + 2;
    if length > LONGEST {
        return Err(format!(
            "{source}: {shown} would be of {length} bytes, {LONGEST} are allowed\n{SMALLER}"
        ));
    }
    Ok(())
}

/// Whether a variable says something of one process alone.
fn is_personal(name: &str) -> bool {
    name.starts_with("DEVENV_TASK_") || name == "DEVENV_INIT_RUN" || PERSONAL.contains(&name)
}

/// Puts variables into the entries of an object: each in the place of the first of its name, or at
/// the end. There may be thousands of either, so places are looked up.
fn lay_over(entries: &mut Vec<(String, Json)>, variables: &[(String, String)]) {
    let mut places = BTreeMap::new();
    for (place, (name, _)) in entries.iter().enumerate() {
        places.entry(name.clone()).or_insert(place);
    }
    for (name, value) in variables {
        let value = Json::Text(value.clone());
        let end = entries.len();
        match entries.get_mut(*places.entry(name.clone()).or_insert(end)) {
            Some((_, place)) => *place = value,
            None => entries.push((name.clone(), value)),
        }
    }
}

/// Decodes base64 (RFC 4648, section 4) with line breaks in it, as `base64` without an option makes
/// them.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'\n').collect();
    STANDARD.decode(digits).ok()
}

/// Reads pairs of a name and a value in base64, each ended by NUL.
fn exported(bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
    let mut variables = Vec::new();
    let mut parts = bytes.split(|byte| *byte == 0);
    while let Some(name) = parts.next() {
        // After the NUL that ends the last value.
        if name.is_empty() && parts.clone().next().is_none() {
            break;
        }
        let name = String::from_utf8_lossy(name).into_owned();
        let shown = name.escape_debug();
        let value = parts
            .next()
            .ok_or_else(|| format!("{EXPORTS_FILE}: {shown} has no value\n{FORMAT}"))?;
        let value = decode(value).and_then(|value| String::from_utf8(value).ok());
        let value = value.ok_or_else(|| {
            format!("{EXPORTS_FILE}: the value of {shown} is not UTF-8 text in base64\n{FORMAT}")
        })?;
        if !is_personal(&name) {
            check(EXPORTS_FILE, &name, &value)?;
            variables.push((name, value));
        }
    }
    Ok(variables)
}

/// The entry of an object, made as an empty object where there is none; `None` of what is none.
fn entry_of<'a>(json: &'a mut Json, key: &str) -> Option<&'a mut Json> {
    let Json::Object(entries) = json else { return None };
    let at = entries.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
        entries.push((key.to_owned(), Json::Object(Vec::new())));
        entries.len() - 1
    });
    entries.get_mut(at).map(|(_, value)| value)
}

#[cfg(test)]
mod tests;

//! What an image needs by itself: its processes, its variables, its files and the options of the project.

use std::fs;

use devenv_init::spec;

use super::contents::{Item, What, mentioned};
use super::explain::Root;
use crate::image::{Config, Image};
use crate::nix::References;
use crate::report;

/// The reasons an image is known to have, the most telling first: processes before variables before the
/// rest of the configuration, then what only the project's options say. The spec mentions everything, and
/// what in it does is a reason of its own; so is a link of the image's own files. Therefore what these two
/// refer to is taken out of `references`.
pub fn of(image: &Image, items: &[Item], references: &mut References) -> Vec<Root> {
    let mut found = Found { items, roots: Vec::new() };
    let spec_file = image.origin.spec.as_deref().or_else(|| spec_of(&image.config));
    if let Some(file) = spec_file {
        found.add_spec(file);
    }
    found.add_configuration(&image.config);
    if let Some(file) = spec_file.filter(|file| !found.roots.iter().any(|root| root.path == *file))
    {
        found.add("the spec of PID 1", file);
    }
    for reason in &image.origin.reasons {
        found.add_at(&reason.what, &reason.path, reason.placed);
    }
    // What neither of these says why it has.
    let own =
        [(spec_file, "the spec of PID 1"), (image.origin.files.as_deref(), "files of the image")];
    for (file, what) in own.into_iter().filter_map(|(file, what)| Some((file?, what))) {
        for path in references.remove(file).unwrap_or_default() {
            if !found.roots.iter().any(|root| root.path == path && !root.placed) {
                found.add(what, &path);
            }
        }
    }
    for item in items {
        match &item.what {
            What::Placed(place) if !found.is_placed(&item.path) => {
                found.add_at(&format!("copied to {place}"), &item.path, true);
            }
            What::Layer { .. } => found.add("the base", &item.path),
            What::Placed(_) | What::Stored => {}
        }
    }
    found.roots
}

/// The spec that PID 1 is given.
fn spec_of(config: &Config) -> Option<&str> {
    let mut words = config.entrypoint.iter().skip_while(|word| *word != "--spec");
    words.nth(1).map(String::as_str)
}

struct Found<'a> {
    items: &'a [Item],
    roots: Vec<Root>,
}

impl Found<'_> {
    /// Every path of the image that `text` mentions.
    fn add(&mut self, what: &str, text: &str) {
        self.add_at(what, text, false);
    }

    fn add_at(&mut self, what: &str, text: &str, placed: bool) {
        let known = self.items.iter().map(|item| item.path.as_str());
        for path in mentioned(text, known) {
            let root = Root { what: report::visible(what), path: path.to_owned(), placed };
            if !self.roots.contains(&root) {
                self.roots.push(root);
            }
        }
    }

    fn is_placed(&self, path: &str) -> bool {
        self.roots.iter().any(|root| root.placed && root.path == path)
    }

    fn add_spec(&mut self, file: &str) {
        let read = || spec::read(&fs::read_to_string(file).ok()?).ok();
        let Some(spec) = read() else { return };
        for process in &spec.processes {
            let kind = match process.kind {
                spec::wire::Kind::Task => "task",
                spec::wire::Kind::Service => "process",
            };
            // Commands of probes and of the stop, sockets and whatever else it has.
            let all = serde_json::to_string(process).unwrap_or_default();
            self.add(&format!("{kind} {}", process.name), &all);
        }
        if let Some(shell) = &spec.shell {
            self.add("the shell", &shell.command.join(" "));
        }
        for (variable, value) in &spec.environment {
            self.add(&format!("variable {variable}"), value);
        }
    }

    fn add_configuration(&mut self, config: &Config) {
        for (variable, value) in config.env.iter().filter_map(|one| one.split_once('=')) {
            self.add(&format!("variable {variable}"), value);
        }
        self.add("the command", &config.cmd.join(" "));
        self.add("the entry point", &config.entrypoint.join(" "));
        if let Some(check) = &config.healthcheck {
            self.add("the health check", &check.test.join(" "));
        }
        for (label, value) in &config.labels {
            self.add(&format!("label {label}"), value);
        }
        self.add("the working directory", &config.working_dir);
        for volume in config.volumes.keys() {
            self.add(&format!("volume {volume}"), volume);
        }
    }
}

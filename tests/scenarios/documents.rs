//! Completions and manual pages in `share/`: made from the help of the programs, and the same as it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::{Arg, ArgAction, Command, ValueHint};
use clap_complete::{Shell, generate};
use devenv_tests::help::{Choice, Help};
use devenv_tests::programs::{devenv_container, devenv_init, repository};

/// When set, the files are written instead of compared.
const UPDATE: &str = "UPDATE_GOLDEN";

#[test]
fn completions_and_manual_pages_say_what_the_programs_say() {
    let mut files = BTreeMap::new();
    for program in [devenv_init(), devenv_container()] {
        let name = program.file_name().expect("a name").to_str().expect("a plain name");
        let help = Help::of(&program, None);
        assert!(help.verbs.len() > 5 && !help.options.is_empty(), "{}", help.text);
        let verbs: Vec<(String, Help)> = help
            .verbs
            .iter()
            .filter(|(verb, _)| verb != "help")
            .map(|(verb, _)| (verb.clone(), Help::of(&program, Some(verb))))
            .collect();
        files.insert(format!("man/man1/{name}.1"), page(name, &help, &verbs));
        for (shell, path) in [
            (Shell::Bash, format!("bash-completion/completions/{name}")),
            (Shell::Zsh, format!("zsh/site-functions/_{name}")),
            (Shell::Fish, format!("fish/vendor_completions.d/{name}.fish")),
        ] {
            // For bash a dash becomes what also separates verbs, and then no option is ever found.
            let spelt = if shell == Shell::Bash { name.replace('-', "_") } else { name.to_owned() };
            let mut script = Vec::new();
            generate(shell, &mut command(&spelt, &help, &verbs), &spelt, &mut script);
            let script = String::from_utf8(script).expect("text");
            let (spelt, name) = (format!(" default {spelt}\n"), format!(" default {name}\n"));
            files.insert(path, script.replace(&spelt, &name));
        }
    }
    let share = repository().join("share");
    if std::env::var_os(UPDATE).is_some() {
        files.iter().for_each(|(name, text)| write(&share.join(name), text));
    }
    for (name, text) in files {
        let found = fs::read_to_string(share.join(&name)).unwrap_or_default();
        assert!(
            found == text,
            "share/{name} says something else than the program\n\
             hint: make build && {UPDATE}=1 cargo test -p devenv-tests -- documents::"
        );
    }
}

fn write(path: &Path, text: &str) {
    let directory = path.parent().expect("a file has a directory");
    fs::create_dir_all(directory).and_then(|()| fs::write(path, text)).expect("a file in share/");
}

/// The command line that the help describes.
fn command(name: &str, help: &Help, verbs: &[(String, Help)]) -> Command {
    let program = Command::new(name.to_owned());
    let command = program.disable_help_flag(true).disable_help_subcommand(true);
    let command = command.args(help.options.iter().flat_map(arguments));
    let verb = |(verb, help): &(String, Help)| {
        let what = help.text.lines().next().unwrap_or_default();
        let what = what.split_once(": ").map_or(what, |(_, what)| what).to_owned();
        let command = Command::new(verb.clone()).about(what).disable_help_flag(true);
        let rest = Arg::new("ARGUMENT").num_args(0..).value_hint(ValueHint::Other);
        command.args(help.options.iter().flat_map(arguments)).arg(rest)
    };
    command.subcommands(verbs.iter().map(verb))
}

/// One argument for each long name, the first of which has the short one too.
fn arguments(choice: &Choice) -> Vec<Arg> {
    let mut short = choice.short;
    let argument = |long: &String| {
        let arg = Arg::new(long.clone()).long(long.clone()).help(choice.what.clone());
        let arg = match short.take() {
            Some(letter) => arg.short(letter),
            None => arg,
        };
        let Some(value) = &choice.value else { return arg.action(ArgAction::SetTrue) };
        let hint = match value.as_str() {
            "DIR" | "DIRECTORY" => ValueHint::DirPath,
            name if name.starts_with("FILE") || name == "PATH" => ValueHint::FilePath,
            _ => ValueHint::Other,
        };
        arg.action(ArgAction::Append).value_name(value.clone()).value_hint(hint)
    };
    choice.long.iter().map(argument).collect()
}

/// A manual page with everything the help says, verb by verb.
fn page(name: &str, help: &Help, verbs: &[(String, Help)]) -> String {
    let mut page = format!(".TH {} 1\n.SH NAME\n", name.to_uppercase());
    let mut lines = help.text.lines();
    let first = lines.next().unwrap_or_default();
    let what = first.strip_prefix(&format!("{name}: ")).unwrap_or(first).trim_end_matches('.');
    let _ = writeln!(page, "{} \\- {}", roff(name), roff(what));
    let _ = write!(page, ".SH DESCRIPTION\n.nf\n{}.fi\n", block(lines));
    for (verb, help) in verbs {
        let _ = write!(page, ".SH {}\n.nf\n{}.fi\n", verb.to_uppercase(), block(help.text.lines()));
    }
    page
}

fn block<'t>(lines: impl Iterator<Item = &'t str>) -> String {
    lines.skip_while(|line| line.is_empty()).map(|line| roff(line) + "\n").collect()
}

/// A line that `roff(7)` shows as it is.
fn roff(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-").replace('`', "\\(ga");
    // Else these begin a request.
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

#[test]
fn help_is_taken_apart_in_both_of_its_forms() {
    let ours = "p: what\n\nVerbs:\n  up  start\n\nOptions:\n  -q, --quiet NAME,...   not shown\n      \
                --colour, --no-colour  or not\n                         -x is no option\n";
    let clap = "What\n\nCommands:\n  build  Make it\n\nOptions:\n  -C, --directory <DIR>\n          \
                Where it is\n";
    let ours = Help::parse(ours.to_owned());
    assert_eq!(ours.verbs, [("up".to_owned(), "start".to_owned())]);
    let quiet = Choice {
        short: Some('q'),
        long: vec!["quiet".to_owned()],
        value: Some("NAME".to_owned()),
        what: "not shown".to_owned(),
    };
    let colour = Choice {
        long: vec!["colour".to_owned(), "no-colour".to_owned()],
        what: "or not".to_owned(),
        ..Choice::default()
    };
    assert_eq!(ours.options, [quiet, colour]);
    let clap = Help::parse(clap.to_owned());
    assert_eq!(clap.verbs, [("build".to_owned(), "Make it".to_owned())]);
    assert_eq!(clap.options[0].value.as_deref(), Some("DIR"));
    assert_eq!(clap.options[0].what, "Where it is");
}

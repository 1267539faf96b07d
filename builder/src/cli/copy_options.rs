//! Options of copying. They may stand at the verb and, as people are used to from devenv, before it;
//! what stands on both sides counts together.

use std::path::PathBuf;

use clap::Args;

use super::copy_arguments::CopyArguments;
use super::flags::Flags;
use super::mounting;
use super::shell_words;
use super::skopeo_help;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::nix::{Container, Evaluation};
use crate::registry::{Places, Reference};

const HEADING: &str = "Options of copy";

/// All there are.
#[derive(Clone, Debug, Default, Args)]
pub struct CopyOptions {
    /// Where to copy to, with the image's name and tag added: as in `docker://registry.example.com/me/`
    #[arg(short, long, value_name = "URL", help_heading = HEADING)]
    pub registry: Option<String>,
    /// What is said as skopeo has it.
    #[command(flatten)]
    pub arguments: ArgumentOptions,
    /// Where blobs may be mounted from.
    #[command(flatten)]
    pub mounting: MountOptions,
    /// Say nothing but errors
    #[arg(short, long, help_heading = HEADING)]
    pub quiet: bool,
    /// Tell what happens as JSON, one object a line, on standard output
    #[arg(long, conflicts_with = "quiet", help_heading = HEADING)]
    pub json: bool,
}

/// Arguments as `skopeo copy` takes them.
#[derive(Clone, Debug, Default, Args)]
pub struct ArgumentOptions {
    /// Arguments as `skopeo copy` takes them, such as `--dest-creds=USER:PASSWORD`; may be given
    /// several times, and hold several arguments, with blanks between them, in a shell's quotes
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true, help_heading = HEADING)]
    copy_args: Vec<String>,
    /// File that holds such arguments, a zero byte after each, as scripts write them: nobody sees what
    /// is secret in them, as they would in a list of processes
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    copy_args_file: Option<PathBuf>,
    /// Read the password of --dest-username from standard input
    #[arg(long, help_heading = HEADING)]
    password_stdin: bool,
    /// Such arguments that were given as flags.
    #[arg(skip)]
    flags: Flags,
}

/// Repositories that have blobs.
#[derive(Clone, Debug, Default, Args)]
pub struct MountOptions {
    /// Repository of the registry that has some of the layers: they are mounted instead of sent
    #[arg(long, value_name = "REPOSITORY", help_heading = HEADING)]
    mount_from: Vec<String>,
}

impl CopyOptions {
    /// These, and those that stand `after` them.
    ///
    /// # Errors
    /// When what there is one of is given on both sides, or what excludes each other.
    pub fn and(self, after: Self) -> Result<Self> {
        let (quiet, json) = (self.quiet || after.quiet, self.json || after.json);
        if quiet && json {
            return Err(Failure::new(
                Kind::Usage,
                "cannot be told to be --quiet and to use --json",
            )
            .hint("leave out one of them"));
        }
        Ok(Self {
            registry: one("--registry", self.registry, after.registry)?,
            arguments: self.arguments.and(after.arguments)?,
            mounting: self.mounting.and(after.mounting),
            quiet,
            json,
        })
    }

    /// Checks that what stands before `verb` is something that verb has.
    ///
    /// # Errors
    /// [`Kind::Usage`], naming the first option that it does not have.
    pub fn only(&self, allowed: &[&str], verb: &str) -> Result<()> {
        let given = [
            ("--registry", self.registry.is_some()),
            ("--copy-args", !self.arguments.copy_args.is_empty()),
            ("--copy-args-file", self.arguments.copy_args_file.is_some()),
            ("--password-stdin", self.arguments.password_stdin),
            ("--mount-from", !self.mounting.mount_from.is_empty()),
            ("--quiet", self.quiet),
            ("--json", self.json),
        ];
        match given.iter().find(|(name, given)| *given && !allowed.contains(name)) {
            Some((name, _)) => Err(Failure::new(
                Kind::Usage,
                format!("{name} before `{verb}` means nothing: it is an option of `copy`"),
            )
            .hint(format!("`devenv-container {verb} --help` shows the options there are"))),
            None => Ok(()),
        }
    }
}

impl ArgumentOptions {
    /// Those of a `--copy-args` alone.
    pub fn of(copy_args: Vec<String>) -> Self {
        Self { copy_args, ..Self::default() }
    }

    /// Their names.
    pub const NAMES: [&str; 3] = ["--copy-args", "--copy-args-file", "--password-stdin"];

    /// These, and those that stand `after` them.
    ///
    /// # Errors
    /// When both name a file.
    pub fn and(self, after: Self) -> Result<Self> {
        Ok(Self {
            copy_args: [self.copy_args, after.copy_args].concat(),
            copy_args_file: one("--copy-args-file", self.copy_args_file, after.copy_args_file)?,
            password_stdin: self.password_stdin || after.password_stdin,
            flags: Flags { words: [self.flags.words, after.flags.words].concat() },
        })
    }

    /// These together with flags of the verb itself.
    pub fn with(self, flags: Flags) -> Self {
        Self { flags, ..self }
    }

    /// The arguments given on the command line, with the password from standard input.
    pub fn parse(&self) -> Result<CopyArguments> {
        self.complete(&self.words()?)
    }

    /// The same for what comes from a registry: it is the source then, and skopeo's arguments about
    /// the source are about it.
    pub fn parse_for_source(&self) -> Result<CopyArguments> {
        let mut words = self.words()?;
        for word in &mut words {
            if let Some(rest) = word.strip_prefix("--src-") {
                *word = format!("--dest-{rest}");
            }
        }
        self.complete(&words)
    }

    /// The arguments given on the command line, otherwise those that are declared for a container.
    pub fn parse_or(&self, declared: Option<&(Evaluation, Container)>) -> Result<CopyArguments> {
        match declared {
            Some((evaluation, container))
                if !self.given() && !container.copy_arguments.is_empty() =>
            {
                self.complete(&evaluation.copy_arguments(&container.name)?)
            }
            _ => self.parse(),
        }
    }

    /// Whether the command line gives arguments of its own, in place of those of the project.
    pub fn given(&self) -> bool {
        !self.copy_args.is_empty()
            || self.copy_args_file.is_some()
            || self.flags != Flags::default()
    }

    fn words(&self) -> Result<Vec<String>> {
        let mut words = Vec::new();
        for text in &self.copy_args {
            words.extend(split(text)?);
        }
        if let Some(file) = &self.copy_args_file {
            let doing = || format!("cannot read the copy arguments in {}", file.display());
            let text = std::fs::read_to_string(file).or_fail(Kind::NoInput, doing)?;
            if text.contains('\n') {
                return Err(Failure::new(Kind::Usage, format!("{}: there are lines", doing()))
                    .hint("end each argument with a zero byte, as `printf '%s\\0'` does"));
            }
            words.extend(text.split_terminator('\0').map(str::to_owned));
        }
        words.extend(self.flags.words.iter().cloned());
        Ok(words)
    }

    fn complete(&self, words: &[String]) -> Result<CopyArguments> {
        let mut arguments =
            CopyArguments::parse(words.iter().map(String::as_str), &skopeo_help::takes_value)?;
        if self.password_stdin {
            arguments.read_password(&mut std::io::stdin().lock())?;
        }
        Ok(arguments)
    }
}

impl MountOptions {
    /// Their names.
    pub const NAMES: [&str; 1] = ["--mount-from"];

    /// These, and those that stand `after` them.
    pub fn and(self, after: Self) -> Self {
        Self { mount_from: [self.mount_from, after.mount_from].concat() }
    }

    /// Checks that these can be repositories of the registry of `reference`.
    ///
    /// # Errors
    /// [`Kind::Usage`], naming what cannot.
    pub fn check(&self, reference: &Reference) -> Result<()> {
        mounting::check(&self.mount_from, reference)
    }

    /// The repositories.
    pub fn places(&self) -> Places {
        Places::of_user(self.mount_from.clone())
    }
}

/// The words of one `--copy-args`. What has no blanks is one word as it is: a quote in it is part of
/// a password.
///
/// # Errors
/// When a quote is not closed; the text may hold a password, and is not shown.
pub fn split(text: &str) -> Result<Vec<String>> {
    if !text.contains(char::is_whitespace) {
        return Ok(vec![text.to_owned()]);
    }
    shell_words::split(text).map_err(|failure| {
        failure
            .context("cannot read --copy-args")
            .hint("put each argument into a --copy-args of its own: nothing need be quoted there")
    })
}

fn one<T>(name: &str, before: Option<T>, after: Option<T>) -> Result<Option<T>> {
    if before.is_some() && after.is_some() {
        return Err(Failure::new(Kind::Usage, format!("{name} is given twice"))
            .hint("give it before the verb or after it"));
    }
    Ok(before.or(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_argument_needs_no_quotes() {
        for (text, expected) in [
            ("--dest-creds=me:it's\"\\", vec!["--dest-creds=me:it's\"\\"]),
            ("--dest-creds 'me:a b' -q", vec!["--dest-creds", "me:a b", "-q"]),
        ] {
            assert_eq!(split(text).unwrap(), expected, "{text}");
        }
        let failure = split("--dest-creds me:it's-secret").unwrap_err();
        assert!(!failure.to_string().contains("secret"), "{failure}");
    }

    #[test]
    fn lines_are_no_arguments() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let parse = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            let copy_args_file = Some(file.path().to_owned());
            ArgumentOptions { copy_args_file, ..ArgumentOptions::default() }.parse()
        };
        assert!(parse("--quiet\0--dest-creds\0me:secret\0").unwrap().quiet);
        for text in ["--dest-creds=me:secret\n", "--dest-creds\nme:secret\n", "-q\0a:secret\n\0"] {
            let failure = parse(text).unwrap_err();
            assert_eq!(failure.kind(), Kind::Usage);
            assert!(!failure.to_string().contains("secret"), "{failure}");
        }
    }

    #[test]
    fn both_sides_count() {
        let options = |registry: Option<&str>, word: &str, quiet, json| CopyOptions {
            registry: registry.map(str::to_owned),
            arguments: ArgumentOptions {
                copy_args: vec![word.to_owned()],
                ..ArgumentOptions::default()
            },
            mounting: MountOptions { mount_from: vec![word.to_owned()] },
            quiet,
            json,
        };
        let both = options(Some("r"), "a", true, false).and(options(None, "b", false, false));
        let both = both.unwrap();
        assert_eq!(both.arguments.copy_args, ["a", "b"]);
        assert_eq!(both.mounting.mount_from, ["a", "b"]);
        assert_eq!((both.registry.as_deref(), both.quiet), (Some("r"), true));
        let first = || options(Some("r"), "a", true, false);
        assert!(first().and(options(Some("r"), "b", false, false)).is_err());
        assert!(first().and(options(None, "b", false, true)).is_err());
        assert!(first().only(&["--registry", "--copy-args", "--mount-from"], "x").is_err());
    }
}

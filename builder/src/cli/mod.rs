//! The command line: what the user asked for, handed to one file a verb.

mod attrs;
mod build;
mod common;
mod compression;
mod copied;
mod copy;
mod copy_arguments;
mod copy_options;
mod diff;
mod digest;
mod digest_file;
mod evaluations;
mod explain;
mod flags;
mod init;
mod inspect;
mod list;
mod lock;
mod lock_inputs;
mod mounting;
mod nix_base;
mod nix_draft;
mod nix_image;
mod nix_pull;
mod nix_root;
mod nix_spec;
mod nix_traced;
mod plan;
mod platforms;
mod run;
mod run_checks;
mod shell_words;
mod skopeo;
mod skopeo_help;
mod skopeo_names;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use self::copy_options::CopyOptions;
use crate::error::{Failure, Kind, Result};
use crate::traced;

/// Builds, runs and copies OCI containers from a devenv project.
#[derive(Debug, Parser)]
#[command(name = "devenv-container", version, disable_help_subcommand = true, after_help = PLACES)]
struct Arguments {
    #[command(flatten)]
    project: common::ProjectArguments,
    #[command(flatten)]
    copy: CopyOptions,
    #[command(subcommand)]
    verb: Verb,
}

/// Where this program leaves something on the machine.
const PLACES: &str = "\
Files:
  $XDG_CACHE_HOME/devenv-container    what is remembered (~/.cache where it is not set): any of it may be
                                      removed while no container runs, trees after chmod -R u+w; what
                                      nobody uses for 30 days goes when something new is kept
  $XDG_STATE_HOME/devenv-container    links that keep images from Nix's garbage collection
                                      (~/.local/state): removing one lets its image go
  $XDG_CONFIG_HOME/containers/certs.d, /etc/containers/certs.d, /etc/docker/certs.d
                                      for each registry a directory HOST[:PORT], of which the first
                                      counts: whom to believe (*.crt), what to show (*.cert, *.key)";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Build a container and print the path of its description
    Build(build::Arguments),
    /// Copy a container to a registry, the Docker daemon, an archive or a directory
    Copy(copy::Arguments),
    /// Print the digest an image has once it is pushed
    Digest(digest::Arguments),
    /// Run a container
    Run(run::Arguments),
    /// Tell what a push to a registry would send
    Plan(plan::Arguments),
    /// Show what an image is and holds
    Inspect(inspect::Arguments),
    /// Tell what takes the space in an image and why it is there
    Explain(explain::Arguments),
    /// Compare two images
    Diff(diff::Arguments),
    /// List the project's containers
    List(list::Arguments),
    /// Write down which images of registries the project builds on, and its inputs' revisions
    Lock(lock::Arguments),
    /// Add what a folder lacks to be a project, and replace nothing
    Init(init::Arguments),
    /// Build, copy or run a container, in the words of `devenv container`
    #[command(hide = true)]
    Container {
        /// What may stand before the verb
        #[command(flatten)]
        copy: CopyOptions,
        /// What to do with it
        #[command(subcommand)]
        verb: ContainerVerb,
    },
    /// Make a checked spec.json (builder of a derivation)
    #[command(hide = true)]
    NixSpec,
    /// Make a root tree (builder of a derivation)
    #[command(hide = true)]
    NixRoot,
    /// Get a locked image from its registry (builder of a derivation)
    #[command(hide = true)]
    NixPull,
    /// Make an image that others build on (builder of a derivation)
    #[command(hide = true)]
    NixBase,
    /// Make an image's draft (builder of a derivation)
    #[command(hide = true)]
    NixDraft,
    /// Make an image's description (builder of a derivation)
    #[command(hide = true)]
    NixImage,
    /// Become a program that is observed by this program's parent
    #[command(hide = true, name = traced::VERB)]
    NixTraced(nix_traced::Arguments),
}

/// What `devenv container` does: who is used to it may go on saying it.
#[derive(Debug, Subcommand)]
enum ContainerVerb {
    /// Build a container and print the path of its description
    Build(build::Arguments),
    /// Copy a container to a registry, the Docker daemon, an archive or a directory
    Copy(copy::Arguments),
    /// Run a container
    Run(run::Arguments),
}

impl From<ContainerVerb> for Verb {
    fn from(verb: ContainerVerb) -> Self {
        match verb {
            ContainerVerb::Build(arguments) => Self::Build(arguments),
            ContainerVerb::Copy(arguments) => Self::Copy(arguments),
            ContainerVerb::Run(arguments) => Self::Run(arguments),
        }
    }
}

/// Runs the program: exit code 0, a container's own, or one of [`Kind`].
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.kind() == ErrorKind::InvalidUtf8 => {
            let failure = not_text(std::env::args_os().skip(1));
            eprintln!("{failure}");
            return ExitCode::from(failure.code());
        }
        Err(error) => {
            // Help and version are answers, not errors; clap prints them to stdout.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(Kind::Usage.code())
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match carry_out(arguments.verb, &arguments.project, arguments.copy) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.code())
        }
    }
}

/// Names the first argument that is not UTF-8; whoever parses them does not.
fn not_text(arguments: impl Iterator<Item = OsString>) -> Failure {
    let found = (1..).zip(arguments).find(|(_, argument)| argument.to_str().is_none());
    let which = found.map_or_else(String::new, |(at, argument)| {
        format!(" {at} (`{}`)", argument.to_string_lossy())
    });
    Failure::new(Kind::Usage, format!("cannot use argument{which}: it is not UTF-8"))
        .hint("images hold their arguments as UTF-8; hand anything else over in a file")
}

fn carry_out(
    verb: Verb,
    project: &common::ProjectArguments,
    before: CopyOptions,
) -> Result<ExitCode> {
    // The verbs that copy take what they have of it; before others it would be lost.
    let other = match &verb {
        Verb::Build(_) => Some("build"),
        Verb::Digest(_) => Some("digest"),
        Verb::Inspect(_) => Some("inspect"),
        Verb::Explain(_) => Some("explain"),
        Verb::Diff(_) => Some("diff"),
        Verb::List(_) => Some("list"),
        Verb::Init(_) => Some("init"),
        _ => None,
    };
    if let Some(verb) = other {
        before.only(&[], verb)?;
    }
    match verb {
        Verb::Build(arguments) => build::run(&arguments, project),
        Verb::Copy(arguments) => copy::run(arguments, before, project),
        Verb::Run(arguments) => run::run(arguments, before, project),
        Verb::Digest(arguments) => digest::run(&arguments, project),
        Verb::Plan(arguments) => plan::run(arguments, before, project),
        Verb::Inspect(arguments) => inspect::run(&arguments, project),
        Verb::Explain(arguments) => explain::run(&arguments, project),
        Verb::Diff(arguments) => diff::run(&arguments, project),
        Verb::List(arguments) => list::run(&arguments, project),
        Verb::Lock(arguments) => lock::run(arguments, before, project),
        Verb::Init(arguments) => init::run(&arguments, project),
        Verb::Container { copy, verb } => carry_out(verb.into(), project, before.and(copy)?),
        Verb::NixSpec => nix_spec::run(),
        Verb::NixRoot => nix_root::run(),
        Verb::NixPull => nix_pull::run(),
        Verb::NixBase => nix_base::run(),
        Verb::NixDraft => nix_draft::run(),
        Verb::NixImage => nix_image::run(),
        Verb::NixTraced(arguments) => nix_traced::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_that_is_no_text_is_named() {
        use std::os::unix::ffi::OsStringExt as _;
        let broken = OsString::from_vec(b"caf\xe9".to_vec());
        let failure = not_text(["run".into(), broken, "x".into()].into_iter());
        assert!(failure.message().contains("argument 2 (`caf\u{fffd}`)"), "{failure}");
    }

    #[test]
    fn the_words_of_devenv_are_understood_with_options_on_either_side() {
        for line in [
            "container copy app --registry docker://r.example/ --copy-args=-q",
            "container --registry docker://r.example/ --copy-args=-q copy app",
            "container --registry=docker://r.example/ copy app --copy-args -q",
            "--registry docker://r.example/ copy --copy-args -q app",
        ] {
            let words = ["devenv-container"].into_iter().chain(line.split(' '));
            let arguments = Arguments::try_parse_from(words).expect(line);
            let (before, verb) = match arguments.verb {
                Verb::Container { copy, verb } => (arguments.copy.and(copy).unwrap(), verb.into()),
                verb => (arguments.copy, verb),
            };
            let Verb::Copy(copy) = verb else { panic!("{line}: {verb:?}") };
            let options = before.and(copy.options).unwrap();
            assert!(options.arguments.parse().unwrap().quiet, "{line}");
            assert_eq!(options.registry.as_deref(), Some("docker://r.example/"), "{line}");
        }
        assert!(Arguments::try_parse_from(["devenv-container", "container", "list"]).is_err());
    }
}

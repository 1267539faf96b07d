//! What a folder lacks to be a project, decided from the texts of its files. Nothing that is there
//! is ever replaced: lines are added, or named for people to add.

use super::yaml::{self, Settings};
use crate::error::{Failure, Kind, Result};

/// Where packages come from unless told otherwise, as in a project that devenv has made.
const NIXPKGS: &str = "github:cachix/devenv-nixpkgs/rolling";

/// The module for devenv's own command line, as a part of our input.
const MODULE: &str = "devenv-init/nix/devenv-module.nix";

/// What a folder has.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The name of the folder.
    pub name: String,
    /// Whether there is a devenv.nix.
    pub devenv_nix: bool,
    /// The text of devenv.yaml.
    pub devenv_yaml: Option<String>,
    /// Whether packages are found without an input: in the lock, or as `<nixpkgs>`.
    pub packages: bool,
}

/// What people want beside a project that can be built.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Where packages come from.
    pub nixpkgs: Option<String>,
    /// Where our module comes from; with it `devenv container` makes our images, too.
    pub module: Option<String>,
}

/// Something to do, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A file to be made.
    Create {
        /// Its name.
        file: &'static str,
        /// What it holds.
        text: String,
    },
    /// A file to get more lines.
    Extend {
        /// Its name.
        file: &'static str,
        /// What it holds afterwards.
        text: String,
        /// What was added, such as `inputs.nixpkgs`.
        added: Vec<String>,
    },
    /// A file that needs nothing.
    Keep {
        /// Its name.
        file: &'static str,
    },
}

/// What to do, in this order. `template` is the devenv.nix of a new project.
///
/// # Errors
/// When devenv.yaml makes no sense, or is written in a way to which lines cannot be added; then the
/// lines are named.
pub fn plan(found: &Found, wishes: &Wishes, template: &str) -> Result<Vec<Step>> {
    let devenv_nix = if found.devenv_nix {
        Step::Keep { file: "devenv.nix" }
    } else {
        let name = super::nix_string(&found.name);
        Step::Create { file: "devenv.nix", text: template.replace("\"myapp\"", &name) }
    };
    Ok([Some(devenv_nix), devenv_yaml(found, wishes)?].into_iter().flatten().collect())
}

/// Whether packages come from an input that has yet to be locked.
pub fn is_unlocked(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Create { text, .. } | Step::Extend { text, .. } => text.contains(NIXPKGS),
        Step::Keep { .. } => false,
    })
}

fn devenv_yaml(found: &Found, wishes: &Wishes) -> Result<Option<Step>> {
    let before = found.devenv_yaml.as_deref().unwrap_or_default();
    let settings = yaml::parse(before).map_err(|failure| failure.context("devenv.yaml"))?;
    let mut lacks = Vec::new();
    if !settings.inputs.contains_key("nixpkgs") && (wishes.nixpkgs.is_some() || !found.packages) {
        lacks.push(Addition::Input {
            name: "nixpkgs",
            url: wishes.nixpkgs.clone().unwrap_or_else(|| NIXPKGS.to_owned()),
            flake: true,
        });
    }
    if let Some(url) = &wishes.module {
        if !settings.inputs.contains_key("devenv-init") {
            lacks.push(Addition::Input { name: "devenv-init", url: url.clone(), flake: false });
        }
        if !settings.imports.iter().any(|import| import == MODULE) {
            lacks.push(Addition::Import(MODULE));
        }
    }
    if lacks.is_empty() {
        return Ok(found.devenv_yaml.is_some().then_some(Step::Keep { file: "devenv.yaml" }));
    }
    let text = extend(before, &settings, &lacks)?;
    Ok(Some(match found.devenv_yaml {
        None => Step::Create { file: "devenv.yaml", text },
        Some(_) => Step::Extend {
            file: "devenv.yaml",
            text,
            added: lacks.iter().map(Addition::name).collect(),
        },
    }))
}

/// Something a devenv.yaml lacks.
#[derive(Clone, Debug)]
enum Addition {
    Input { name: &'static str, url: String, flake: bool },
    Import(&'static str),
}

impl Addition {
    fn name(&self) -> String {
        match self {
            Self::Input { name, .. } => format!("inputs.{name}"),
            Self::Import(path) => format!("imports: {path}"),
        }
    }

    /// The key at the top that it is below.
    fn key(&self) -> &'static str {
        match self {
            Self::Input { .. } => "inputs",
            Self::Import(_) => "imports",
        }
    }

    /// Its lines, as far to the right as what is there already.
    fn lines(&self, indent: &str) -> String {
        match self {
            Self::Input { name, url, flake } => {
                let deeper = if indent.is_empty() { "  " } else { indent };
                let flake =
                    if *flake { String::new() } else { format!("{indent}{deeper}flake: false\n") };
                // JSON's strings are YAML's, too.
                let url = if url.contains([' ', '#', '"', '\'']) {
                    format!("{url:?}")
                } else {
                    url.clone()
                };
                format!("{indent}{name}:\n{indent}{deeper}url: {url}\n{flake}")
            }
            Self::Import(path) => format!("{indent}- {path}\n"),
        }
    }

    fn apply(&self, settings: &mut Settings) {
        match self {
            Self::Input { name, url, flake } => {
                let input = yaml::Input {
                    url: Some(url.clone()),
                    follows: None,
                    flake: *flake,
                    inputs: Default::default(),
                };
                settings.inputs.insert((*name).to_owned(), input);
            }
            Self::Import(path) => settings.imports.insert(0, (*path).to_owned()),
        }
    }
}

/// Adds lines to a devenv.yaml and keeps everything else, comments included.
fn extend(before: &str, settings: &Settings, additions: &[Addition]) -> Result<String> {
    let mut text = before.to_owned();
    let mut expected = settings.clone();
    for addition in additions {
        text = insert(&text, addition);
        addition.apply(&mut expected);
    }
    // YAML can be written in more ways than are foreseen here, so the result is read to make sure.
    match yaml::parse(&text) {
        Ok(found) if found == expected => Ok(text),
        _ => {
            let lines: String = additions.iter().map(|one| insert("", one)).collect();
            Err(Failure::new(
                Kind::Data,
                "cannot add lines to devenv.yaml: it is written in another way",
            )
            .hint(format!("add by hand:\n{}", lines.trim_end())))
        }
    }
}

/// Puts the lines right below their key, or with it at the end.
fn insert(text: &str, addition: &Addition) -> String {
    let head = format!("{}:", addition.key());
    let is_head = |line: &str| {
        line.strip_prefix(&head).is_some_and(|rest| {
            let rest = rest.trim_start();
            rest.is_empty() || rest.starts_with('#')
        })
    };
    let mut lines = text.split_inclusive('\n');
    let mut above = String::new();
    for line in lines.by_ref() {
        above.push_str(line);
        if is_head(line) {
            break;
        }
    }
    let ended = if above.is_empty() || above.ends_with('\n') { "" } else { "\n" };
    if !above.lines().last().is_some_and(is_head) {
        return format!("{above}{ended}{head}\n{}", addition.lines("  "));
    }
    let below: String = lines.collect();
    let indent = below
        .lines()
        .find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .map(|line| &line[..line.len() - line.trim_start().len()]);
    let indent = match (addition, indent) {
        // A list may stand as far to the left as its key, a mapping may not.
        (Addition::Import(_), Some(indent)) if below.contains("- ") => indent,
        (Addition::Input { .. }, Some(indent)) if !indent.is_empty() => indent,
        _ => "  ",
    };
    format!("{above}{ended}{}{below}", addition.lines(indent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml_of(steps: &[Step]) -> Option<&str> {
        steps.iter().find_map(|step| match step {
            Step::Create { file: "devenv.yaml", text } => Some(text.as_str()),
            Step::Extend { file: "devenv.yaml", text, .. } => Some(text.as_str()),
            _ => None,
        })
    }

    fn found(yaml: &str) -> Found {
        Found {
            name: "app".into(),
            devenv_nix: true,
            devenv_yaml: Some(yaml.into()),
            packages: false,
        }
    }

    fn module() -> Wishes {
        Wishes { nixpkgs: None, module: Some("path:/x".into()) }
    }

    #[test]
    fn an_empty_folder_becomes_a_project() {
        let found = Found { name: "my\"app".into(), ..Found::default() };
        let steps = plan(&found, &Wishes::default(), "{ name = \"myapp\"; }").unwrap();
        let devenv_nix =
            Step::Create { file: "devenv.nix", text: "{ name = \"my\\\"app\"; }".into() };
        assert_eq!(steps[0], devenv_nix);
        assert_eq!(
            yaml_of(&steps),
            Some("inputs:\n  nixpkgs:\n    url: github:cachix/devenv-nixpkgs/rolling\n")
        );
        assert!(is_unlocked(&steps));
        // Where there are packages without an input there is nothing to say.
        let found = Found { packages: true, ..found };
        let steps = plan(&found, &Wishes::default(), "").unwrap();
        assert_eq!((steps.len(), is_unlocked(&steps)), (1, false));
    }

    #[test]
    fn a_project_is_left_as_it_is() {
        let steps = plan(&found("inputs:\n  nixpkgs:\n    url: x\n"), &Wishes::default(), "");
        let kept = ["devenv.nix", "devenv.yaml"].map(|file| Step::Keep { file });
        assert_eq!(steps.unwrap(), kept);
    }

    #[test]
    fn lines_are_added_and_everything_else_is_kept() {
        for (before, after) in [
            (
                "# mine\nallowUnfree: true",
                "# mine\nallowUnfree: true\ninputs:\n  nixpkgs:\n    url: github:cachix/devenv-nixpkgs/rolling\n  devenv-init:\n    url: path:/x\n    flake: false\nimports:\n  - devenv-init/nix/devenv-module.nix\n",
            ),
            (
                "imports:\n- ./web # ours\n\ninputs: # all\n\n    # packages\n    nixpkgs:\n        url: y\n",
                "imports:\n- devenv-init/nix/devenv-module.nix\n- ./web # ours\n\ninputs: # all\n    devenv-init:\n        url: path:/x\n        flake: false\n\n    # packages\n    nixpkgs:\n        url: y\n",
            ),
            (
                "inputs:\nimports:\n  - ./a\n",
                "inputs:\n  devenv-init:\n    url: path:/x\n    flake: false\n  nixpkgs:\n    url: github:cachix/devenv-nixpkgs/rolling\nimports:\n  - devenv-init/nix/devenv-module.nix\n  - ./a\n",
            ),
        ] {
            let steps = plan(&found(before), &module(), "").unwrap();
            let got = yaml_of(&steps).unwrap();
            assert_eq!(lines(got), lines(after), "{before}");
            // A second time there is nothing left to do.
            let again = plan(&found(got), &module(), "").unwrap();
            assert_eq!(again[1], Step::Keep { file: "devenv.yaml" });
        }
    }

    /// The order of what is added at one place is of no importance.
    fn lines(text: &str) -> Vec<&str> {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines
    }

    #[test]
    fn what_cannot_be_extended_is_told_and_what_to_add() {
        for before in ["inputs: {}\n", "{inputs: {a: {url: b}}}\n", "imports: [./a]\n"] {
            let failure = plan(&found(before), &module(), "").unwrap_err().to_string();
            assert!(failure.contains("cannot add lines to devenv.yaml"), "{before}: {failure}");
            assert!(failure.contains("inputs:\n  nixpkgs:\n    url:"), "{failure}");
        }
        assert!(plan(&found("inputs: ["), &module(), "").is_err());
    }
}

//! Questions to Nix that are answered from memory where nothing has changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::run::{Manner, Nix, Ran, Tracing, find};
use crate::error::{Context as _, Failure, Kind, Result};
use crate::remembered::{Answer, Question};

impl Nix {
    /// Evaluates with `nix-instantiate`: what it printed.
    pub fn evaluate(&self, arguments: &[String]) -> Result<String> {
        self.ask(&self.instantiate, arguments)
    }

    /// Asks `nix`, the one command of newer kinds: what it printed.
    pub fn command(&self, arguments: &[String]) -> Result<String> {
        self.ask(&find("nix")?, arguments)
    }

    fn ask(&self, program: &Path, arguments: &[String]) -> Result<String> {
        let question = Question::now(program, arguments);
        let asked = SystemTime::now();
        if let Some(answer) = self.memory.answer(&question, asked) {
            return Ok(answer.text);
        }
        let tracing = self.tracing(None);
        let ran =
            self.run(program, arguments, Manner::Quiet, tracing).inspect_err(|_| self.replay())?;
        let text = ran.output.clone();
        self.keep(&question, asked, text.clone(), ran, Vec::new());
        Ok(text)
    }

    /// Evaluates to a derivation and builds it: the path of what came out. `root`, where there is
    /// one, is made a link to it, which protects it from garbage collection.
    ///
    /// What Nix says is shown while it works where there is a terminal, and otherwise by
    /// [`Nix::replay`].
    pub fn build(&self, arguments: &[String], root: Option<&Path>) -> Result<PathBuf> {
        let question = Question::now(&self.instantiate, arguments);
        let asked = SystemTime::now();
        if let Some(answer) = self.memory.answer(&question, asked) {
            let path = PathBuf::from(answer.text);
            self.repeat(&answer.said);
            if let Some(root) = root
                && fs::read_link(root).ok().as_ref() != Some(&path)
            {
                self.protect(&path, root)?;
            }
            return Ok(path);
        }
        // A link protects the derivation until it has been built.
        let doing = || "cannot make a temporary directory";
        let folder = tempfile::tempdir().or_fail(Kind::CannotCreate, doing)?;
        let link = folder.path().join("derivation").display().to_string();
        let mut evaluation = arguments.to_vec();
        evaluation.extend(["--add-root".to_owned(), link, "--indirect".to_owned()]);
        let tracing = self.tracing(Some(folder.path()));
        let ran = self.run(&self.instantiate, &evaluation, Manner::Live, tracing)?;
        let path = self.realised(&derivation(&ran.output)?, root)?;
        self.keep(&question, asked, path.display().to_string(), ran, vec![path.clone()]);
        Ok(path)
    }

    /// Builds a derivation, or one output of it (`DERIVATION!OUTPUT`).
    fn realised(&self, derivation: &str, root: Option<&Path>) -> Result<PathBuf> {
        let mut arguments = vec!["--realise".to_owned(), derivation.to_owned()];
        if let Some(root) = root {
            arguments.extend(["--add-root".to_owned(), root.display().to_string()]);
            arguments.push("--indirect".to_owned());
        }
        let output = self.realise(&arguments)?;
        let printed = PathBuf::from(output.trim_end());
        // With a root it is the root that is printed.
        match root {
            Some(_) => fs::read_link(&printed)
                .or_fail(Kind::Internal, || format!("cannot read {}", printed.display())),
            None => Ok(printed),
        }
    }

    /// Finds out what is looked at where that can be remembered.
    fn tracing<'a>(&self, ours: Option<&'a Path>) -> Tracing<'a> {
        if self.memory.works() { Tracing::But(ours) } else { Tracing::Off }
    }

    fn keep(
        &self,
        question: &Question,
        asked: SystemTime,
        text: String,
        ran: Ran,
        outputs: Vec<PathBuf>,
    ) {
        let answer = Answer { text, outputs, said: ran.said };
        let kept = match ran.looked {
            Some(looked) => self.memory.keep(question, asked, answer, looked),
            None if self.memory.works() => Err("its system calls could not be followed".to_owned()),
            None => Ok(()),
        };
        if let Err(why) = kept
            && self.verbose
        {
            eprintln!("the evaluation is not remembered: {why}");
        }
    }
}

/// The derivation behind what `nix-instantiate` printed: the path of a link to it, and which output
/// is meant where it is not the first.
fn derivation(printed: &str) -> Result<String> {
    let (link, output) = match printed.trim_end().split_once('!') {
        Some((link, output)) => (link, Some(output)),
        None => (printed.trim_end(), None),
    };
    let path = fs::read_link(link).map_err(|error| {
        Failure::new(
            Kind::Internal,
            format!("cannot find out what is to be built: {link}: {error}"),
        )
    })?;
    Ok(match output {
        Some(output) => format!("{}!{output}", path.display()),
        None => path.display().to_string(),
    })
}

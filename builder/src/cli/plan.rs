//! `plan`: tells what a push would send, and changes nothing.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::common::ProjectArguments;
use super::copy;
use super::copy_arguments::CopyArguments;
use super::copy_options::{ArgumentOptions, CopyOptions, MountOptions};
use super::flags::Flags;
use super::mounting;
use crate::cache::Cache;
use crate::digest::Digest;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::index::Index;
use crate::image::manifest::Descriptor;
use crate::image::wire::Wire;
use crate::progress;
use crate::registry::{Client, Reference};
use crate::report;
use crate::sink::destination::Destination;
use crate::sink::registry::{Current, Registry, changes};
use crate::understand::size::human;

/// What would go where.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Name of the container, or the file `build` printed
    name: String,
    /// Where it would go: docker://HOST/NAME[:TAG]. The registry is asked for no more than to be read:
    /// whether you may push shows when you do
    #[arg(long, value_name = "REF")]
    to: String,
    /// What is said as skopeo has it.
    #[command(flatten)]
    arguments: ArgumentOptions,
    /// Where blobs may be mounted from.
    #[command(flatten)]
    mounting: MountOptions,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: Flags,
}

/// What would become of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Present,
    Mounted(String),
    Sent,
}

/// What a push would do.
struct Plan {
    reference: String,
    digest: Digest,
    /// What the tag stands for now, and what is known of it.
    now: Option<(Digest, Option<Current>)>,
    /// What cannot be told, and why.
    unknown: Vec<String>,
    /// What each blob is, its digest, its size and what would become of it.
    blobs: Vec<(&'static str, Digest, u64, Fate)>,
    /// Its configuration; null for an index.
    config: Value,
}

/// Prints one line a blob, the sum of what would be sent, and what the tag would lose and gain.
pub fn run(
    arguments: Arguments,
    before: CopyOptions,
    project: &ProjectArguments,
) -> Result<ExitCode> {
    let allowed = [&ArgumentOptions::NAMES[..], &MountOptions::NAMES, &["--json"]].concat();
    before.only(&allowed, "plan")?;
    let options = before.arguments.and(arguments.arguments)?.with(arguments.flags);
    let mounting = before.mounting.and(arguments.mounting);
    let Destination::Registry(reference) = Destination::parse(&arguments.to)? else {
        return Err(Failure::new(Kind::Usage, format!("cannot plan a copy to {}", arguments.to))
            .hint("only registries can tell beforehand: --to docker://HOST/NAME:TAG"));
    };
    let reference = Reference::parse(&reference)?;
    mounting.check(&reference)?;
    let declared = match options.given() {
        true => None,
        false => copy::declared(&arguments.name, &project.for_first_platform())?,
    };
    let copying = options.parse_or(declared.as_ref())?;
    refuse(&copying, options.given())?;
    copying.check_platforms(project.platforms.several())?;
    let codec = copying.codec(&project.compression)?;
    let (_, mut images) = project.images(&arguments.name)?;
    if let Some(codec) = codec {
        images = images.into_iter().map(|image| image.compressed_by(codec)).collect();
    }
    let (name, declared) = (arguments.name.as_str(), declared.as_ref());
    let places = mounting::places(&mounting, &reference, &images, name, declared, project)?;
    let (cache, format) = (Cache::of_user(), copying.format);
    images.iter().try_for_each(|image| format.check(image))?;
    let goal = match images.as_slice() {
        [image] => Goal::of_image(Wire::new(image, &cache, format)?)?,
        images => Goal::of_index(Index::of(images, &cache, format)?),
    };
    let client = Client::new(reference.clone(), copying.registry_options(&reference)?)?;
    let registry = Registry::new(client, cache, places, Arc::new(progress::Silent));
    let plan = ask(&registry, &reference, goal)?;
    if before.json || arguments.json {
        report::line(plan.json())?;
    } else {
        for line in plan.lines() {
            report::line(line)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks that the copy would be ours, and that nothing is asked for that only a copy comes to.
/// Arguments that the project declares are about copies, and may ask for it.
fn refuse(copying: &CopyArguments, given: bool) -> Result<()> {
    if let Some(argument) = copying.for_skopeo.first() {
        return Err(Failure::new(
            Kind::Usage,
            format!("cannot plan with copy argument {argument}: skopeo would do the copy"),
        )
        .hint("leave it out, to plan a copy without it"));
    }
    if given && copying.digest_file.is_some() {
        return Err(Failure::new(
            Kind::Usage,
            "cannot write a --digestfile: nothing is copied by a plan",
        )
        .hint("leave it out; `devenv-container digest NAME` tells the digest"));
    }
    Ok(())
}

/// What is to be in the registry.
struct Goal {
    digest: Digest,
    /// What each blob is, and the blob.
    blobs: Vec<(&'static str, Descriptor)>,
    /// The configuration; null for an index, which has several.
    config: Value,
}

impl Goal {
    fn of_image(wire: Wire) -> Result<Self> {
        let config = serde_json::from_slice(&wire.config)
            .or_fail(Kind::Internal, || "cannot read the image's configuration")?;
        Ok(Self { digest: wire.digest().clone(), blobs: blobs(wire).collect(), config })
    }

    /// What several images share is there once.
    fn of_index(index: Index) -> Self {
        let mut goal =
            Self { digest: index.digest().clone(), blobs: Vec::new(), config: Value::Null };
        for (what, blob) in index.images.into_iter().flat_map(blobs) {
            if goal.blobs.iter().all(|(_, known)| known.digest != blob.digest) {
                goal.blobs.push((what, blob));
            }
        }
        goal
    }
}

/// The blobs of an image, its layers first.
fn blobs(wire: Wire) -> impl Iterator<Item = (&'static str, Descriptor)> {
    let layers = wire.layers.into_iter().map(|layer| ("layer", layer));
    layers.chain([("config", wire.config_descriptor)])
}

/// Finds out; asks for nothing but answers.
fn ask(registry: &Registry, reference: &Reference, goal: Goal) -> Result<Plan> {
    let Goal { digest, blobs, config } = goal;
    let mut plan = Plan {
        reference: reference.to_string(),
        digest,
        now: None,
        unknown: Vec::new(),
        blobs: Vec::new(),
        config,
    };
    if let Some(now) = registry.digest()? {
        if now == plan.digest {
            plan.now = Some((now, None));
            return Ok(plan);
        }
        // What is there hinders no push, whatever it is.
        let current = match registry.current() {
            Ok(current) => current,
            Err(failure) if failure.kind() == Kind::Io => return Err(failure),
            Err(failure) => {
                plan.unknown.push(failure.message().to_owned());
                None
            }
        };
        plan.unknown.extend(current.as_ref().and_then(|current| current.unread.clone()));
        plan.now = Some((now, current));
    }
    for (what, blob) in blobs {
        let fate = if registry.has_blob(&blob.digest, blob.size)? {
            Fate::Present
        } else {
            registry.neighbour(&blob.digest, blob.size).map_or(Fate::Sent, Fate::Mounted)
        };
        plan.blobs.push((what, blob.digest, blob.size, fate));
    }
    Ok(plan)
}

impl Plan {
    fn is_done(&self) -> bool {
        self.now.as_ref().is_some_and(|(now, _)| *now == self.digest)
    }

    fn bytes(&self, of: impl Fn(&Fate) -> bool) -> u64 {
        self.blobs.iter().filter(|(.., fate)| of(fate)).map(|(_, _, size, _)| size).sum()
    }

    /// What the tag would lose and gain: layers, by what remains of them, and the configuration.
    fn changes(&self) -> Option<(usize, usize, Vec<String>)> {
        let current = self.now.as_ref()?.1.as_ref()?;
        let layers = || self.blobs.iter().filter(|(what, ..)| *what == "layer");
        let is_kept = |digest: &Digest| current.layers.contains(&digest.to_string());
        let kept = layers().filter(|(_, digest, ..)| is_kept(digest)).count();
        // Those of several images cannot be compared with that of one.
        let config = match (&current.config, &self.config) {
            (Value::Null, _) | (_, Value::Null) => Vec::new(),
            (before, after) => changes(before, after),
        };
        Some((kept, layers().count() - kept, config))
    }

    fn lines(&self) -> Vec<String> {
        let Self { reference, digest, .. } = self;
        if self.is_done() {
            return vec![format!("{reference} is {digest} already: nothing to send")];
        }
        let mut lines: Vec<String> = self
            .blobs
            .iter()
            .map(|(what, digest, size, fate)| {
                let fate = match fate {
                    Fate::Present => "is there".to_owned(),
                    Fate::Mounted(from) => format!("would be mounted from {from}"),
                    Fate::Sent => "to send".to_owned(),
                };
                format!("{what:<7} {digest}  {:>10}  {fate}", human(*size))
            })
            .collect();
        lines.push(format!("{reference} would become {digest}"));
        match (&self.now, self.changes()) {
            (Some((now, _)), Some((kept, new, config))) => {
                lines.push(format!("it is {now} now: {kept} layers stay, {new} are new"));
                lines.extend(config.iter().map(|change| format!("changed: {change}")));
            }
            (Some((now, _)), None) => lines.push(format!("it is {now} now")),
            (None, _) => lines.push("there is no such tag yet".to_owned()),
        }
        lines.extend(self.unknown.iter().map(|why| format!("not all can be told: {why}")));
        let mounted = self.bytes(|fate| matches!(fate, Fate::Mounted(_)));
        let sent = format!("{} to send", human(self.bytes(|fate| *fate == Fate::Sent)));
        lines.push(match mounted {
            0 => sent,
            _ => format!("{sent}, {} to mount", human(mounted)),
        });
        lines
    }

    fn json(&self) -> Value {
        let blobs: Vec<Value> = self
            .blobs
            .iter()
            .map(|(what, digest, size, fate)| {
                let (fate, from) = match fate {
                    Fate::Present => ("present", None),
                    Fate::Mounted(from) => ("mount", Some(from)),
                    Fate::Sent => ("send", None),
                };
                let digest = digest.to_string();
                json!({"kind": what, "digest": digest, "size": size, "fate": fate, "from": from})
            })
            .collect();
        let changes = self.changes().filter(|_| !self.is_done());
        json!({
            "reference": self.reference,
            "digest": self.digest.to_string(),
            "now": self.now.as_ref().map(|(now, _)| now.to_string()),
            "blobs": blobs,
            "unknown": self.unknown,
            "changed": changes.map_or_else(Vec::new, |(_, _, config)| config),
            "bytesToSend": self.bytes(|fate| *fate == Fate::Sent),
            "bytesToMount": self.bytes(|fate| matches!(fate, Fate::Mounted(_))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(now: Option<(Digest, Option<Current>)>) -> Plan {
        let [a, b, c] = [b"a", b"b", b"c"].map(|text| Digest::of(text));
        Plan {
            reference: "docker://r/a:1".to_owned(),
            digest: Digest::of(b"new"),
            now,
            unknown: Vec::new(),
            blobs: vec![
                ("layer", a, 1 << 20, Fate::Present),
                ("layer", b, 2 << 20, Fate::Mounted("base".to_owned())),
                ("config", c, 1024, Fate::Sent),
            ],
            config: json!({"config": {"User": "1"}}),
        }
    }

    #[test]
    fn what_a_plan_cannot_tell_or_do_is_refused() {
        let refused = |given: &str, on_the_command_line| {
            let parsed = CopyArguments::parse(given.split(' '), &|_| None).unwrap();
            refuse(&parsed, on_the_command_line).map_err(|failure| failure.message().to_owned())
        };
        for given in ["--sign-by=me", "--dest-compress", "--digestfile=f"] {
            let name = given.split('=').next().unwrap();
            assert!(refused(given, true).unwrap_err().contains(name), "{given}");
        }
        assert_eq!(refused("--digestfile=f", false), Ok(()));
        assert!(refused("--dest-compress", false).is_err());
        assert_eq!(refused("--dest-creds=me:x --dest-compress-level=9", true), Ok(()));
    }

    #[test]
    fn each_blob_has_its_fate_and_the_tag_its_changes() {
        let current = Current {
            layers: vec![Digest::of(b"a").to_string(), "gone".to_owned()],
            config: json!({"config": {"User": "2"}}),
            unread: None,
        };
        let lines = plan(Some((Digest::of(b"old"), Some(current)))).lines();
        assert!(lines[0].ends_with("1.0 MiB  is there"), "{lines:?}");
        assert!(lines[1].ends_with("2.0 MiB  would be mounted from base"), "{lines:?}");
        assert!(lines[2].ends_with("1.0 KiB  to send"), "{lines:?}");
        assert!(lines[4].ends_with("now: 1 layers stay, 1 are new"), "{lines:?}");
        assert_eq!(lines[5], "changed: User is another one");
        assert_eq!(lines[6], "1.0 KiB to send, 2.0 MiB to mount");
    }

    #[test]
    fn what_cannot_be_told_is_said_to_be_there_all_the_same() {
        let mut plan = plan(Some((Digest::of(b"old"), None)));
        plan.unknown.push("r refuses to show a:1".to_owned());
        let lines = plan.lines();
        assert_eq!(lines[4], format!("it is {} now", Digest::of(b"old")));
        assert_eq!(lines[5], "not all can be told: r refuses to show a:1");
        assert_eq!(plan.json()["unknown"], json!(["r refuses to show a:1"]));
        plan.now = None;
        assert_eq!(plan.lines()[4], "there is no such tag yet");
    }

    #[test]
    fn what_is_done_needs_nothing() {
        let mut plan = plan(Some((Digest::of(b"new"), None)));
        plan.blobs.clear();
        assert_eq!(plan.lines().len(), 1);
        assert_eq!(plan.json()["bytesToSend"], 0);
        assert_eq!(plan.json()["changed"], json!([]));
    }
}

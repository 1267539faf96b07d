//! What a native run will do, decided from the image and the request alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ground::Ground;
use super::idmap::IdMap;
use super::user::{self, User};
use super::volume::Volume;
use crate::error::{Context as _, Failure, Kind, Result};
use crate::image::{Image, Source};
use crate::layers::LayerPath;
use crate::tar::Tree;
use crate::tar::tree::Content;
use crate::unpack::{Sole, place};

/// The search path when neither image nor user sets one, as container engines have it.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the user asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Arguments in place of the image's own.
    pub arguments: Vec<String>,
    /// Variables that win over the image's.
    pub environment: Vec<(String, String)>,
    /// Directories and files of the host to show in the container.
    pub volumes: Vec<Volume>,
    /// Whether the root may be written to.
    pub read_only: bool,
    /// Whether there is no network, in place of the host's.
    pub isolated: bool,
    /// In place of the image's user.
    pub user: Option<String>,
    /// In place of the image's working directory.
    pub working_dir: Option<String>,
    /// The terminal the container is attached to.
    pub terminal: Option<Terminal>,
}

/// A terminal of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Its device file.
    pub device: PathBuf,
    /// What kind it is (`TERM`).
    pub kind: String,
}

/// Everything the child needs to know.
#[derive(Debug)]
pub struct Plan {
    /// What is below everything else.
    pub ground: Ground,
    /// Store paths to mount where they are.
    pub store: Vec<PathBuf>,
    /// Files laid out in memory.
    pub tree: Tree,
    /// Directories and files of the host.
    pub volumes: Vec<Volume>,
    /// Directories the image declares as volumes, where it may be written also when the root is not.
    pub declared: Vec<PathBuf>,
    /// Whose processes they are.
    pub user: User,
    /// The user again, where there is nobody else and it is not root: every file is theirs then.
    pub sole: Option<Sole>,
    /// Argument vector, never empty.
    pub command: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// Where the program starts.
    pub working_dir: PathBuf,
    /// Whether the root may be written to.
    pub read_only: bool,
    /// Whether there is no network but the container's own.
    pub isolated: bool,
    /// The name of the machine in the container.
    pub hostname: String,
    /// The device file of the terminal, shown as `/dev/console`.
    pub terminal: Option<PathBuf>,
}

impl Plan {
    /// Decides what to run and how.
    ///
    /// # Errors
    /// When a store path is gone, or the image has no program, or no such user.
    pub fn new(image: &Image, ground: Ground, request: Request) -> Result<Self> {
        let (store, placed) = match ground {
            Ground::Whole(_) => Default::default(),
            Ground::Nothing | Ground::Below { .. } => split(image),
        };
        let tree = crate::image::pack::tree(&placed)?;
        // As in Docker, no user is the image's.
        let asked = request.user.as_deref().filter(|user| !user.is_empty());
        let wanted = asked.unwrap_or(&image.config.user);
        let user = user::resolve(
            wanted,
            &accounts(&ground, &tree, "/etc/passwd")?,
            &accounts(&ground, &tree, "/etc/group")?,
        )?;
        let sole = IdMap::choose(&user).sole(&user);

        let arguments =
            if request.arguments.is_empty() { image.config.cmd.clone() } else { request.arguments };
        let command: Vec<String> =
            image.config.entrypoint.iter().cloned().chain(arguments).collect();
        if command.first().is_none_or(String::is_empty) {
            return Err(Failure::new(Kind::Usage, "the image names no program to run")
                .hint("name one after `--`"));
        }

        let hostname = hostname(image.name.as_deref().unwrap_or("container"));
        let mut environment = BTreeMap::from([
            ("PATH".to_owned(), DEFAULT_PATH.to_owned()),
            ("HOSTNAME".to_owned(), hostname.clone()),
            ("HOME".to_owned(), user.home.clone()),
        ]);
        if let Some(terminal) = &request.terminal {
            environment.insert("TERM".to_owned(), terminal.kind.clone());
        }
        environment.extend(
            image
                .config
                .env
                .iter()
                .filter_map(|entry| entry.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        environment.extend(request.environment);

        let working_dir = request
            .working_dir
            .or_else(|| Some(image.config.working_dir.clone()).filter(|dir| !dir.is_empty()))
            .unwrap_or_else(|| "/".to_owned());
        Ok(Self {
            ground,
            store,
            tree,
            volumes: request.volumes,
            user,
            sole,
            command,
            environment,
            working_dir: PathBuf::from(working_dir),
            read_only: request.read_only,
            isolated: request.isolated,
            terminal: request.terminal.map(|terminal| terminal.device),
            hostname,
            declared: image.config.volumes.keys().map(PathBuf::from).collect(),
        })
    }

    /// The same on a ground that has all files of the image.
    #[must_use]
    pub fn on_whole(self, ground: Ground) -> Self {
        let (store, tree) = Default::default();
        Self { ground, store, tree, ..self }
    }
}

/// Store paths that stay where they are, and those that are placed or owned otherwise.
fn split(image: &Image) -> (Vec<PathBuf>, Vec<LayerPath>) {
    let (mut store, mut placed) = (Vec::new(), Vec::new());
    for layer in &image.layers {
        let Source::Paths(paths) = &layer.source else { continue };
        for path in paths {
            if path.options.is_some() {
                placed.push(path.clone());
            } else {
                store.push(PathBuf::from(&path.path));
            }
        }
    }
    (store, placed)
}

/// The text of a file with accounts; empty when there is none. Accounts may be in any encoding, and
/// names that are not UTF-8 cannot be asked for.
fn accounts(ground: &Ground, tree: &Tree, path: &str) -> Result<String> {
    let doing = || format!("cannot read the image's {path}");
    // Where the base has a link, what is above it goes where the link leads.
    let (inside, below) = match ground {
        Ground::Nothing => (PathBuf::from(path), None),
        Ground::Below { lower: root, .. } | Ground::Whole(root) => {
            let inside = place::inside(root, Path::new(path)).or_fail(Kind::Data, doing)?;
            (Path::new("/").join(&inside), Some(root.join(inside)))
        }
    };
    let own = tree.get(&inside.to_string_lossy());
    let file = match own {
        Some(file) if matches!(file.content, Content::Regular(_)) => Some(file.source.clone()),
        _ => below.filter(|file| file.is_file()),
    };
    let Some(file) = file else { return Ok(String::new()) };
    let text = std::fs::read(&file).or_fail(Kind::Io, doing)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// A name for the machine out of the image's: letters, digits and dashes, at most 63.
fn hostname(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    let plain: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
    match plain.trim_matches('-') {
        "" => "container".to_owned(),
        plain => plain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Config;

    fn image(config: Config) -> Image {
        Image {
            name: Some("reg.example/my_app".to_owned()),
            tag: None,
            architecture: "amd64".to_owned(),
            annotations: Default::default(),
            origin: Default::default(),
            created: None,
            config,
            layers: Vec::new(),
        }
    }

    #[test]
    fn the_request_wins_over_the_image() {
        let image = image(Config {
            entrypoint: vec!["/init".into()],
            cmd: vec!["default".into()],
            env: vec!["A=image".into(), "PATH=/bin".into()],
            user: "1000".into(),
            working_dir: "/env".into(),
            ..Config::default()
        });
        let plan = Plan::new(&image, Ground::Nothing, Request::default()).unwrap();
        assert_eq!(plan.command, ["/init", "default"]);
        assert_eq!(plan.environment["PATH"], "/bin");
        assert_eq!((plan.user.uid, plan.hostname.as_str()), (1000, "my-app"));
        assert_eq!(plan.environment["HOSTNAME"], "my-app");
        let nobody = Request { user: Some(String::new()), ..Request::default() };
        assert_eq!(Plan::new(&image, Ground::Nothing, nobody).unwrap().user.uid, 1000);

        let request = Request {
            arguments: vec!["web".into()],
            environment: vec![("A".into(), "user".into())],
            user: Some("5:6".into()),
            working_dir: Some("/tmp".into()),
            ..Request::default()
        };
        let plan = Plan::new(&image, Ground::Nothing, request).unwrap();
        assert_eq!(plan.command, ["/init", "web"]);
        assert_eq!(plan.environment["A"], "user");
        assert_eq!((plan.user.uid, plan.user.gid), (5, 6));
        assert_eq!(plan.working_dir, Path::new("/tmp"));
    }

    #[test]
    fn every_machine_has_a_name() {
        for (image, name) in [("reg.example/my_app", "my-app"), ("_", "container"), ("a.b-", "a-b")]
        {
            assert_eq!(hostname(image), name);
        }
    }

    #[test]
    fn an_image_without_program_is_refused() {
        assert!(Plan::new(&image(Config::default()), Ground::Nothing, Request::default()).is_err());
    }
}

//! What an image takes over from the configuration of the one it builds on.
//!
//! | setting | rule |
//! |---|---|
//! | variables, labels | those of both; where both have one, the image's own counts; a variable without a value is none |
//! | `PATH` | the image's own entries, then those of the base that are not among them |
//! | ports, volumes | those of both |
//! | user, directory | the image's own, or the base's where it has none |
//! | program, arguments, health check, stop signal | the image's own only: the base's are about a program that is not run |
//!
//! What is taken over stays as it is, odd or not (`53/UDP`, `8000-8010/tcp`, a volume `data`): an engine
//! that starts the base starts what is built on it, and knows what it makes of these.

use crate::image::Config;
use crate::image::check::is_variable;
use crate::image::json::Shape;

/// The settings of a base that anything is taken over from, in the spelling of [`Config`]. What
/// others look like does not matter.
pub const SHAPE: Shape = Shape::Object(&[
    ("User", &Shape::Any),
    ("ExposedPorts", &Shape::Any),
    ("Env", &Shape::Any),
    ("Volumes", &Shape::Any),
    ("WorkingDir", &Shape::Any),
    ("Labels", &Shape::Any),
]);

/// `own`, with what it takes over from `base`.
pub fn inherit(own: Config, base: &Config) -> Config {
    let mut env: Vec<String> = Vec::new();
    // For Docker a name alone unsets a variable, which no image has set below this one; runc refuses it, as
    // it does a value without a name. Left out they mean the same everywhere.
    for variable in base.env.iter().filter(|variable| is_variable(variable)) {
        let name = variable.split('=').next().unwrap_or_default();
        if own.variable(name).is_none() {
            env.push(variable.clone());
        }
    }
    env.extend(own.env.iter().map(|variable| {
        match (variable.split_once('='), base.variable("PATH")) {
            (Some(("PATH", path)), Some(below)) => format!("PATH={}", joined(path, below)),
            _ => variable.clone(),
        }
    }));
    let or = |own: String, base: &String| if own.is_empty() { base.clone() } else { own };
    Config {
        env,
        labels: base.labels.clone().into_iter().chain(own.labels).collect(),
        exposed_ports: base.exposed_ports.clone().into_iter().chain(own.exposed_ports).collect(),
        volumes: base.volumes.clone().into_iter().chain(own.volumes).collect(),
        user: or(own.user, &base.user),
        working_dir: or(own.working_dir, &base.working_dir),
        entrypoint: own.entrypoint,
        cmd: own.cmd,
        healthcheck: own.healthcheck,
        stop_signal: own.stop_signal,
        args_escaped: own.args_escaped,
    }
}

fn joined(path: &str, below: &str) -> String {
    let mut entries: Vec<&str> = path.split(':').filter(|entry| !entry.is_empty()).collect();
    for entry in below.split(':') {
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::config::{Empty, Healthcheck};

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn every_setting_has_its_rule() {
        let label = |value: &str| ("a".to_owned(), value.to_owned());
        let base = Config {
            env: words(&["PATH=/usr/bin:/bin", "LANG=C", "HOME=/root", "UNSET", "=x"]),
            entrypoint: words(&["/docker-entrypoint"]),
            cmd: words(&["serve"]),
            user: "base".into(),
            working_dir: "/base".into(),
            stop_signal: "SIGQUIT".into(),
            labels: [label("base"), ("b".to_owned(), "base".to_owned())].into(),
            exposed_ports: [("80/tcp".to_owned(), Empty {})].into(),
            volumes: [("/data".to_owned(), Empty {})].into(),
            healthcheck: Some(Healthcheck::default()),
            ..Config::default()
        };
        let own = Config {
            env: words(&["HOME=/env", "PATH=/nix/store/x/bin:/bin"]),
            entrypoint: words(&["/bin/devenv-init"]),
            user: "1000".into(),
            labels: [label("own")].into(),
            exposed_ports: [("8080/tcp".to_owned(), Empty {})].into(),
            ..Config::default()
        };
        let both = inherit(own.clone(), &base);
        assert_eq!(both.env, ["LANG=C", "HOME=/env", "PATH=/nix/store/x/bin:/bin:/usr/bin"]);
        assert_eq!((both.entrypoint.as_slice(), both.cmd.len()), (own.entrypoint.as_slice(), 0));
        assert_eq!((both.user.as_str(), both.working_dir.as_str()), ("1000", "/base"));
        assert_eq!((both.stop_signal.as_str(), both.healthcheck.is_none()), ("", true));
        assert_eq!((both.labels["a"].as_str(), both.labels["b"].as_str()), ("own", "base"));
        assert_eq!((both.exposed_ports.len(), both.volumes.len()), (2, 1));
        assert_eq!(inherit(own.clone(), &Config::default()), own);
    }
}

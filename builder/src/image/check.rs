//! Every rule an image must keep, checked at once (OCI image-spec 1.1, and what engines take).
//!
//! There are more rules for what a project says itself than for what is in an image of somebody else:
//! engines start that with ports, volumes and variables no project should declare.

use super::config::Healthcheck;
use super::{Config, Image};
use crate::error::{Failure, Kind, Result};
use crate::layers::MAX_LAYERS;

/// Checks an image, of whatever make.
///
/// # Errors
/// One failure that lists every broken rule, each with the field it is about.
pub fn check(image: &Image) -> Result<()> {
    all_kept(problems(image))
}

/// Checks the image of a project, and `own`, what the project says itself in its configuration.
///
/// # Errors
/// As for [`check`].
pub fn check_project(own: &Config, image: &Image) -> Result<()> {
    all_kept([own_problems(own), problems(image)].concat())
}

fn all_kept(problems: Vec<String>) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let failure =
        Failure::new(Kind::Data, format!("the image is not valid: {}", problems.join("; ")));
    Err(match problems.iter().find_map(|problem| way_out(problem)) {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
}

/// What to do about a broken rule, where its text does not say.
fn way_out(problem: &str) -> Option<&'static str> {
    match problem.split_once(": ")?.0 {
        "name" => {
            Some("names are of lower-case letters, digits, and `.`, `_` or `-` between these")
        }
        "tag" => Some("tags are of letters, digits, `_`, `.` and `-`, up to 128"),
        "ExposedPorts" => Some("ports are from 1 to 65535, as in `8080/tcp` or `53/udp`"),
        "User" => Some("numbers of users and groups go up to 2147483647"),
        _ => None,
    }
}

/// Every broken rule, as `field: what is wrong`.
pub fn problems(image: &Image) -> Vec<String> {
    let mut problems = Vec::new();
    let mut rule = |holds: bool, field: &str, what: String| {
        if !holds {
            problems.push(format!("{field}: {what}"));
        }
    };
    if let Some(name) = &image.name {
        rule(is_name(name), "name", format!("`{name}` is no name of a repository"));
    }
    if let Some(tag) = &image.tag {
        rule(is_tag(tag), "tag", format!("`{tag}` is no tag"));
    }
    rule(
        is_word(&image.architecture),
        "architecture",
        format!("`{}` is none of Go's", image.architecture),
    );
    if let Some(created) = &image.created {
        rule(is_time(created), "created", format!("`{created}` is not RFC 3339"));
    }
    let config = &image.config;
    for name in image.annotations.keys() {
        rule(!name.is_empty(), "annotations", "one has no name".to_owned());
    }
    let directory = &config.working_dir;
    let rooted = directory.is_empty() || directory.starts_with('/');
    rule(rooted, "WorkingDir", format!("`{directory}` is not absolute"));
    for words in [&config.entrypoint, &config.cmd] {
        let whole = words.iter().all(|word| !word.contains('\0'));
        rule(whole, "Entrypoint and Cmd", "a word holds a NUL byte".to_owned());
    }
    if let Some(check) = &config.healthcheck {
        let test: Vec<&str> = check.test.iter().map(String::as_str).collect();
        rule(runs_something(&test), "Healthcheck", format!("{test:?} names no program"));
        let Healthcheck { interval, timeout, start_period, retries, .. } = *check;
        let least = [interval, timeout, start_period, retries].into_iter().min().unwrap_or(0);
        rule(least >= 0, "Healthcheck", format!("{least} is negative"));
    }
    let layers = image.layers.len();
    rule(layers <= MAX_LAYERS, "layers", format!("{layers} are more than engines take"));
    for layer in &image.layers {
        let known = layer.media_type.starts_with("application/vnd.oci.image.layer.v1.tar");
        rule(known, "layers", format!("{} is no layer", layer.media_type));
        if let Some(created) = &layer.history.created {
            rule(is_time(created), "history", format!("`{created}` is not RFC 3339"));
        }
    }
    problems
}

/// Every rule the configuration of a project breaks, as `field: what is wrong`.
fn own_problems(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    for variable in &config.env {
        if !is_variable(variable) {
            problems.push(format!("Env: `{variable}` is not NAME=value"));
        }
    }
    for port in config.exposed_ports.keys().filter(|port| !is_port(port)) {
        problems.push(format!("ExposedPorts: `{port}` is not PORT[/tcp|udp|sctp]"));
    }
    for volume in config.volumes.keys() {
        if !volume.starts_with('/') {
            problems.push(format!("Volumes: `{volume}` is not absolute"));
        } else if volume.trim_matches('/').is_empty() {
            problems.push(format!("Volumes: `{volume}` is the root"));
        }
    }
    if !is_user(&config.user) {
        problems.push(format!("User: `{}` is nobody engines know", config.user));
    }
    if config.stop_signal.parse::<u64>().is_ok_and(|signal| !(1..=64).contains(&signal)) {
        problems.push(format!("StopSignal: there is no signal {}", config.stop_signal));
    }
    problems
}

/// Whether an entry of `Env` gives a value to a name.
pub fn is_variable(entry: &str) -> bool {
    entry.split_once('=').is_some_and(|(name, _)| !name.is_empty())
}

/// Whether the test of a health check is one there is.
fn runs_something(test: &[&str]) -> bool {
    match test {
        [] | ["NONE"] => true,
        ["CMD", program, ..] => !program.is_empty(),
        ["CMD-SHELL", line] => !line.is_empty(),
        _ => false,
    }
}

/// Components of lower-case letters and digits, joined by one of `.`, `_`, `__` or dashes, between
/// slashes; the first may be a host with a port (distribution-spec, "pulling manifests").
pub fn is_name(name: &str) -> bool {
    let (host, path) = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
            (Some(host), path)
        }
        _ => (None, name),
    };
    let host_is_fine = host.is_none_or(is_host);
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let component = |part: &str| {
        let bytes = part.as_bytes();
        let ends_well = bytes.first().is_some_and(|byte| alphanumeric(*byte))
            && bytes.last().is_some_and(|byte| alphanumeric(*byte));
        let separators_are_fine =
            part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).all(|between| {
                matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-')
            });
        ends_well && separators_are_fine
    };
    host_is_fine && name.len() <= 255 && path.split('/').all(component)
}

/// A name or an address, which of IPv6 is in brackets, and perhaps a port.
pub fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let name_is_fine = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)),
    };
    !name.is_empty() && name_is_fine && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// A letter, a digit or `_`, then up to 127 of these, dots and dashes (distribution-spec, "pulling
/// manifests").
pub fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// A name or a number, and after a colon perhaps another one; nobody at all is root. Numbers are those
/// of Docker and Podman.
fn is_user(text: &str) -> bool {
    let fits = |part: &str| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        !is_number || part.parse::<u32>().is_ok_and(|number| i32::try_from(number).is_ok())
    };
    match text.split_once(':') {
        Some((user, group)) => fits(user) && fits(group) && !group.is_empty(),
        None => fits(text),
    }
}

fn is_port(text: &str) -> bool {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    port.parse::<u16>().is_ok_and(|port| port > 0) && matches!(protocol, "tcp" | "udp" | "sctp")
}

/// `2006-01-02T15:04:05[.9]Z` or with an offset; whether the day exists is not looked at.
fn is_time(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| {
        text.get(range).is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let at =
        |index: usize, expected: char| text.get(index..).is_some_and(|t| t.starts_with(expected));
    let Some(rest) = text.get(19..) else { return false };
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let zone_is_fine = zone == "Z"
        || (zone.len() == 6
            && zone.starts_with(['+', '-'])
            && zone.char_indices().all(|(at, c)| at == 0 || (at == 3) == (c == ':')));
    digits(0..4)
        && at(4, '-')
        && digits(5..7)
        && at(7, '-')
        && digits(8..10)
        && at(10, 'T')
        && digits(11..13)
        && at(13, ':')
        && digits(14..16)
        && at(16, ':')
        && digits(17..19)
        && zone_is_fine
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::config::Empty;

    fn image() -> Image {
        Image {
            name: Some("registry.example.com/me/my-app".into()),
            tag: Some("v1.2_3-x".into()),
            architecture: "amd64".into(),
            annotations: Default::default(),
            origin: Default::default(),
            created: Some("1970-01-01T00:00:01Z".into()),
            config: Config {
                env: vec!["A=1".into()],
                working_dir: "/env".into(),
                exposed_ports: [("80/tcp".to_owned(), Empty {})].into(),
                ..Config::default()
            },
            layers: Vec::new(),
        }
    }

    #[test]
    fn a_good_image_breaks_no_rule() {
        assert_eq!(problems(&image()), Vec::<String>::new());
        assert_eq!(own_problems(&image().config), Vec::<String>::new());
    }

    #[test]
    fn every_broken_rule_is_listed() {
        let mut bad = image();
        bad.name = Some("My_App".into());
        bad.tag = Some("-x".into());
        bad.created = Some("yesterday".into());
        bad.config.working_dir = "env".into();
        bad.config.healthcheck = Some(Healthcheck { interval: -1, ..Healthcheck::default() });
        assert_eq!(problems(&bad).len(), 5, "{:?}", problems(&bad));
        assert!(check(&bad).unwrap_err().to_string().contains("Healthcheck: -1 is negative"));
    }

    #[test]
    fn what_engines_take_of_others_is_refused_of_a_project() {
        let mut odd = image();
        odd.config.env.extend(["=x".into(), "A".into()]);
        for port in ["0/tcp", "53/UDP", "1-2/tcp"] {
            odd.config.exposed_ports.insert(port.into(), Empty {});
        }
        odd.config.volumes.insert("data".into(), Empty {});
        assert_eq!(problems(&odd), [""; 0]);
        assert_eq!(own_problems(&odd.config).len(), 6, "{:?}", own_problems(&odd.config));
    }

    #[test]
    fn users_signals_and_volumes_are_those_engines_know() {
        let broken = |user: &str, signal: &str, volume: &str| {
            let mut image = image();
            image.config.user = user.into();
            image.config.stop_signal = signal.into();
            image.config.volumes.insert(volume.into(), Empty {});
            own_problems(&image.config).len()
        };
        for user in ["", "web", "0", "1000:1000", "2147483647:web", ":5"] {
            assert_eq!(broken(user, "SIGTERM", "/data"), 0, "{user}");
        }
        for user in ["4294967295", "2147483648", "1:99999999999", "1000:"] {
            assert_eq!(broken(user, "15", "/data"), 1, "{user}");
        }
        assert_eq!((broken("", "65", "/a"), broken("", "0", "/a"), broken("", "", "/")), (1, 1, 1));
    }

    #[test]
    fn a_name_that_is_none_leads_to_those_that_are() {
        let mut bad = image();
        bad.name = Some("Shop".into());
        let failure = check(&bad).unwrap_err();
        assert!(failure.way_out().is_some_and(|hint| hint.contains("lower-case")), "{failure}");
    }

    #[test]
    fn a_health_check_has_something_to_run() {
        let broken = |test: &[&str]| {
            let test = test.iter().map(|word| (*word).to_owned()).collect();
            let mut image = image();
            image.config.healthcheck = Some(Healthcheck { test, ..Healthcheck::default() });
            problems(&image)
        };
        let fine: [&[&str]; 5] =
            [&[], &["NONE"], &["CMD", "/bin/a"], &["CMD", "/bin/a", "b"], &["CMD-SHELL", "a b"]];
        for test in fine {
            assert_eq!(broken(test), [""; 0], "{test:?}");
        }
        let empty: [&[&str]; 6] =
            [&["CMD"], &["CMD", ""], &["CMD-SHELL"], &["CMD-SHELL", "a", "b"], &["/bin/a"], &[""]];
        for test in empty {
            assert!(broken(test)[0].starts_with("Healthcheck: "), "{test:?}");
        }
    }

    #[test]
    fn names_and_times_have_their_grammar() {
        for name in ["a", "a/b", "localhost:5000/a", "x/a.b__c--d/e1", "registry.example/a_b"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "A", "a//b", "a/", "-a", "a___b", "a..b", "registry.example.com/"] {
            assert!(!is_name(name), "{name}");
        }
        for time in ["0001-01-01T00:00:00Z", "2024-02-03T04:05:06.789+01:00"] {
            assert!(is_time(time), "{time}");
        }
        for time in ["", "2024-02-03", "2024-02-03T04:05:06", "2024-02-03 04:05:06Z"] {
            assert!(!is_time(time), "{time}");
        }
    }
}

//! Registries that speak TLS, real ones: whom we believe, what we show, and that nothing goes by clear
//! text where it need not.

use std::fs;
use std::path::{Path, PathBuf};

use devenv_tests::certificates::{self, Authority, Use};
use devenv_tests::registry::Registry;
use devenv_tests::running::{self, Ended};
use devenv_tests::world::World;

const PROJECT: &str = r#"{ name = "app"; processes.once.exec = "echo once"; }"#;

/// An image, and how it is copied.
struct Copying<'w> {
    world: &'w World,
    image: String,
}

impl<'w> Copying<'w> {
    fn new(world: &'w World) -> Self {
        Self { world, image: world.project("app", PROJECT).build("processes") }
    }

    /// Copies to a tag of a registry, with these arguments.
    fn to(&self, registry: &Registry, tag: &str, arguments: &[&str]) -> Ended {
        self.with(registry, tag, arguments, &[])
    }

    /// Does so with these variables.
    fn with(
        &self,
        registry: &Registry,
        tag: &str,
        arguments: &[&str],
        variables: &[(&str, &Path)],
    ) -> Ended {
        let name = format!("docker://{}/app:{tag}", registry.address());
        let mut command = self.world.container(&["copy", &self.image, &name]);
        for argument in arguments {
            command.arg(format!("--copy-args={argument}"));
        }
        for name in ["SSL_CERT_FILE", "NIX_SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        command.env("HOME", self.world.path("home"));
        running::run(command.envs(variables.iter().copied()))
    }
}

/// A directory as Docker keeps one for a registry, with copies of these files; the argument that
/// names it.
fn directory(world: &World, name: &str, files: &[(&str, PathBuf)]) -> String {
    let directory = world.path(name);
    fs::create_dir_all(&directory).expect("a directory");
    for (name, from) in files {
        fs::copy(from, directory.join(name)).expect("a copy");
    }
    format!("--dest-cert-dir={}", directory.display())
}

/// What Go's servers write down when somebody talks to them in clear text.
const CLEAR_TEXT: &str = "HTTP request to an HTTPS server";

#[track_caller]
fn assert_told(ended: &Ended, expected: &[&str]) {
    for expected in expected {
        assert!(ended.err.contains(expected), "no `{expected}` in: {}", ended.err);
    }
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
}

#[test]
fn a_certificate_is_believed_when_its_authority_is_given_and_not_before() {
    let world = World::new();
    let copying = Copying::new(&world);
    let authority = Authority::new(world.path("ours"));
    let registry =
        Registry::encrypted(&world, "tls", &authority.issue("server", Use::Server), None);
    let given = directory(&world, "given", &[("ca.crt", authority.file())]);
    let _ = copying.to(&registry, "given", &[&given]).expect_code(0);
    let _ = copying.to(&registry, "asked", &[&given, "--dest-tls-verify=true"]).expect_code(0);
    // What is there costs one request, which also finds out what the registry speaks.
    let before = registry.requests().len();
    let _ = copying.to(&registry, "given", &[&given]).expect_code(0);
    let _ = copying.to(&registry, "given", &[&given, "--dest-tls-verify=false"]).expect_code(0);
    let methods: Vec<String> =
        registry.requests().split_off(before).into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["HEAD", "HEAD"]);

    let theirs = Authority::new(world.path("theirs"));
    let wrong = directory(&world, "wrong", &[("ca.crt", theirs.file())]);
    let asked = registry.requests().len();
    for arguments in [&[][..], &[wrong.as_str()], &["--dest-tls-verify=true"]] {
        let ended = copying.to(&registry, "never", arguments).expect_code(74);
        assert_told(&ended, &["invalid peer certificate", "hint: put the certificate", ".crt"]);
    }
    assert_eq!(registry.requests().len(), asked, "a stranger was asked for something");
    assert!(!registry.log().contains(CLEAR_TEXT), "{}", registry.log());
    // Programs are told as well.
    let name = format!("docker://{}/app:never", registry.address());
    let mut command = world.container(&["copy", &copying.image, &name, "--json"]);
    let told = running::run(command.env("HOME", world.path("home"))).expect_code(74).out;
    assert!(told.contains(r#"{"event":"failed","why":"cannot talk to "#), "{told}");
    let _ = copying.to(&registry, "unverified", &["--dest-tls-verify=false"]).expect_code(0);

    let garbage = directory(&world, "garbage", &[("ca.crt", world.write("no-pem", "nothing"))]);
    let ended = copying.to(&registry, "never", &[&garbage]).expect_code(65);
    assert_told(&ended, &["garbage/ca.crt: there is no certificate in it"]);
}

#[test]
fn a_certificate_nobody_else_has_signed_is_believed_when_it_is_given_itself() {
    let world = World::new();
    let copying = Copying::new(&world);
    let registry = |name: &str| {
        certificates::self_signed(&world.path(name));
        let registry =
            Registry::encrypted(&world, &format!("{name}-registry"), &world.path(name), None);
        let file = world.path(name).join("cert.pem");
        (registry, directory(&world, &format!("{name}-given"), &[("ca.crt", file)]))
    };
    let ((one, of_one), (other, _)) = (registry("one"), registry("other"));
    let _ = copying.to(&one, "v1", &[&of_one]).expect_code(0);
    let _ = copying.to(&other, "v1", &[&of_one]).expect_code(74);
    // It is good for one address, and this is another one.
    let port = one.address().rsplit_once(':').expect("a port").1;
    let name = format!("docker://localhost:{port}/app:v1");
    let argument = format!("--copy-args={of_one}");
    let mut command = world.container(&["copy", &copying.image, &name, &argument]);
    let ended = running::run(command.env("HOME", world.path("home"))).expect_code(74);
    assert_told(&ended, &["certificate not valid for name \"localhost\""]);
}

#[test]
fn a_registry_is_shown_the_certificate_it_wants() {
    let world = World::new();
    let copying = Copying::new(&world);
    let authority = Authority::new(world.path("ours"));
    let server = authority.issue("server", Use::Server);
    let registry = Registry::encrypted(&world, "tls", &server, Some(&authority.file()));
    let with = |name: &str, cert: &Path, key: &Path| {
        let files = [
            ("ca.crt", authority.file()),
            ("client.cert", cert.join("cert.pem")),
            ("client.key", key.join("key.pem")),
        ];
        directory(&world, name, &files)
    };
    let client = authority.issue("client", Use::Client);
    let _ = copying.to(&registry, "v3", &[&with("v3", &client, &client)]).expect_code(0);
    let old = authority.issue("old", Use::Anything);
    let _ = copying.to(&registry, "v1", &[&with("v1", &old, &old)]).expect_code(0);

    let nothing = directory(&world, "nothing", &[("ca.crt", authority.file())]);
    let ended = copying.to(&registry, "never", &[&nothing]).expect_code(74);
    assert_told(&ended, &["fatal alert", "hint: the registry may want to see"]);
    assert!(!registry.log().contains(CLEAR_TEXT), "{}", registry.log());
    let mixed = with("mixed", &client, &old);
    let ended = copying.to(&registry, "never", &[&mixed]).expect_code(65);
    assert_told(&ended, &["mixed/client.cert", "mixed/client.key is the key of something else"]);
}

#[test]
fn a_registry_in_clear_text_gets_nothing_when_encryption_is_asked_for() {
    let world = World::new();
    let copying = Copying::new(&world);
    let registry = Registry::open(&world);
    let _ = copying.to(&registry, "usual", &[]).expect_code(0);
    let _ = copying.to(&registry, "unverified", &["--dest-tls-verify=false"]).expect_code(0);
    let before = registry.requests().len();
    let secret = ["--dest-creds=me:secret", "--dest-tls-verify=true"];
    let ended = copying.to(&registry, "never", &secret).expect_code(74);
    assert_told(&ended, &["it does not speak TLS", "--dest-tls-verify=false"]);
    assert_eq!(registry.requests().len(), before);
}

#[test]
fn the_directory_of_a_registry_is_found_where_podman_and_docker_have_it() {
    let world = World::new();
    let copying = Copying::new(&world);
    let authority = Authority::new(world.path("ours"));
    let server = authority.issue("server", Use::Server);
    let registry = Registry::encrypted(&world, "tls", &server, Some(&authority.file()));
    let client = authority.issue("client", Use::Client);
    let files = [
        ("ca.crt", authority.file()),
        ("client.cert", client.join("cert.pem")),
        ("client.key", client.join("key.pem")),
    ];
    let place = |base: &str, host: &str| format!("{base}/containers/certs.d/{host}");
    let _ = copying.to(&registry, "never", &[]).expect_code(74);
    // Another port is another registry.
    directory(&world, &place("home/.config", "127.0.0.1"), &files);
    let _ = copying.to(&registry, "never", &[]).expect_code(74);
    directory(&world, &place("home/.config", registry.address()), &files);
    let _ = copying.to(&registry, "home", &[]).expect_code(0);

    let configuration = world.path("configuration");
    let variables = [("XDG_CONFIG_HOME", configuration.as_path())];
    let _ = copying.with(&registry, "never", &[], &variables).expect_code(74);
    directory(&world, &place("configuration", registry.address()), &files);
    let _ = copying.with(&registry, "named", &[], &variables).expect_code(0);
    // What is given counts alone.
    let wrong = directory(&world, "wrong", &[("ca.crt", authority.file())]);
    let ended = copying.to(&registry, "never", &[&wrong]).expect_code(74);
    assert_told(&ended, &["fatal alert", "containers/certs.d/HOST[:PORT]"]);
    assert!(!registry.log().contains(CLEAR_TEXT), "{}", registry.log());
}

#[test]
fn authorities_are_read_from_what_go_s_variables_name() {
    let world = World::new();
    let copying = Copying::new(&world);
    let authority = Authority::new(world.path("ours"));
    let registry =
        Registry::encrypted(&world, "tls", &authority.issue("server", Use::Server), None);
    directory(&world, "authorities", &[("anything.pem", authority.file())]);
    let (file, folder) = (authority.file(), world.path("authorities"));
    let (nothing, missing) = (Path::new(""), world.path("missing.crt"));
    for variables in [
        &[("SSL_CERT_FILE", file.as_path())][..],
        &[("SSL_CERT_DIR", &folder)],
        &[("SSL_CERT_FILE", nothing), ("SSL_CERT_DIR", &folder)],
        &[("SSL_CERT_FILE", nothing), ("NIX_SSL_CERT_FILE", &file)],
        &[("SSL_CERT_FILE", &missing), ("SSL_CERT_DIR", &folder)],
    ] {
        let _ = copying.with(&registry, "v1", &[], variables).expect_code(0);
    }
    let variables = [("SSL_CERT_FILE", missing.as_path())];
    let ended = copying.with(&registry, "never", &[], &variables).expect_code(74);
    assert_told(&ended, &["invalid peer certificate", "hint: SSL_CERT_FILE names", "missing.crt"]);
}

//! Pushing, against a registry that misbehaves.

mod access;
mod index;
mod limits;
mod mounts;
mod pieces;
mod plans;
mod publishing;
mod pulls;
mod redirects;
mod silence;
mod trouble;

use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use super::fake::{Access, FakeRegistry, Fault, Habits};
use super::*;
use crate::error::Kind;
use crate::image::Source;
use crate::image::{Codec, Config, History, codec};
use crate::progress::Silent;
use crate::registry::retry::Policy;
use crate::registry::{Credentials, Options, Reference};

/// An image of two layers, whose bytes are in files, the upper one of `large` bytes.
fn image(directory: &Path, large: usize) -> Image {
    let layer = |name: &str, size: usize| {
        // Bytes that do not compress, so that a body is too long to be sent at once.
        let mut seed = size as u64 | 1;
        let bytes: Vec<u8> = (0..size)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                seed.to_le_bytes()[0]
            })
            .collect();
        let file = directory.join(name);
        std::fs::write(&file, &bytes).unwrap();
        Layer {
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
            diff_id: Digest::of(&bytes),
            tar_size: None,
            media_type: codec::TAR.to_owned(),
            source: Source::File(file),
            history: History::default(),
            codec: Codec::default(),
        }
    };
    Image {
        name: Some("app".into()),
        tag: Some("v1".into()),
        architecture: "amd64".into(),
        annotations: Default::default(),
        origin: Default::default(),
        created: Some("1970-01-01T00:00:01Z".into()),
        config: Config::default(),
        layers: vec![layer("small", 10_000), layer("large", large)],
    }
}

struct World {
    directory: tempfile::TempDir,
    fake: FakeRegistry,
    /// What the client was told to try.
    policy: Policy,
    named: Vec<String>,
    /// How long the registry may say nothing.
    silence: Duration,
    /// The size of the larger layer.
    large: usize,
}

impl World {
    fn new(access: Access) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            fake: FakeRegistry::start(access),
            policy: Policy { times: 3, pause: Duration::from_millis(1) },
            named: Vec::new(),
            silence: Options::anonymous().silence,
            large: 1_200_000,
        }
    }

    fn with_habits(habits: Habits) -> Self {
        let mut world = Self::new(Access::Open);
        // Three pieces.
        world.large = 9_000_000;
        world.fake.state().habits = habits;
        world
    }

    fn push_to(
        &self,
        repository: &str,
        credentials: Credentials,
    ) -> (Result<Published>, Vec<Event>) {
        let events = Arc::new(Events::default());
        let watch = Arc::clone(&events) as Arc<dyn Watch>;
        let result = self
            .registry(repository, credentials, watch)
            .and_then(|registry| registry.put(&image(self.directory.path(), self.large)));
        let events = events.0.lock().unwrap().clone();
        (result, events)
    }

    /// What `plan` asks with, for a repository that is only read.
    fn reading(&self, repository: &str, credentials: Credentials) -> Registry {
        let reference = format!("{}/{repository}:v1", self.fake.address());
        let (policy, silence) = (self.policy, self.silence);
        let options = Options { credentials, policy, silence, ..Options::anonymous() };
        let cache = Cache::at(self.directory.path().join("cache"));
        let places = Places::at(self.directory.path().join("places"), self.named.clone());
        let client = Client::new(Reference::parse(&reference).unwrap(), options).unwrap();
        Registry::new(client, cache, places, Arc::new(Silent))
    }

    fn registry(
        &self,
        repository: &str,
        credentials: Credentials,
        watch: Arc<dyn Watch>,
    ) -> Result<Registry> {
        let tag = if repository.contains(':') { "" } else { ":v1" };
        let reference = format!("{}/{repository}{tag}", self.fake.address());
        let (policy, silence) = (self.policy, self.silence);
        let options = Options { credentials, policy, silence, ..Options::anonymous() };
        let cache = Cache::at(self.directory.path().join("cache"));
        let places = Places::at(self.directory.path().join("places"), self.named.clone());
        let client = Client::pushing(Reference::parse(&reference).unwrap(), options)?;
        Ok(Registry::new(client, cache, places, watch))
    }

    fn push_as(&self, credentials: Credentials) -> Result<Published> {
        self.push_to("app", credentials).0
    }

    fn push(&self) -> Result<Published> {
        self.push_as(Credentials::Anonymous)
    }

    /// The manifest is there, and so is every blob it names.
    fn assert_published(&self, published: &Published) {
        let state = self.fake.state();
        let manifest = &state.manifests["v1"];
        assert_eq!(Digest::of(manifest), published.digest);
        let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        assert_eq!(layers.len(), 2);
        for descriptor in layers.iter().chain([&manifest["config"]]) {
            let digest = descriptor["digest"].as_str().unwrap().to_owned();
            let blob = &state.blobs[&("app".to_owned(), digest.clone())];
            assert_eq!(Digest::of(blob).to_string(), digest);
            assert_eq!(Some(blob.len() as u64), descriptor["size"].as_u64());
        }
    }

    /// Nobody sees anything of the image.
    fn assert_nothing_published(&self) {
        assert!(self.fake.state().manifests.is_empty());
    }

    fn requests(&self, method: &str) -> usize {
        let state = self.fake.state();
        state.requests.iter().filter(|request| request.starts_with(method)).count()
    }
}

/// Keeps what was told.
#[derive(Debug, Default)]
struct Events(Mutex<Vec<Event>>);

impl Watch for Events {
    fn tell(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

fn me() -> Credentials {
    Credentials::parse("me:secret").unwrap()
}

#[test]
fn an_image_that_is_there_costs_one_request() {
    let world = World::new(Access::Open);
    let first = world.push().unwrap();
    world.assert_published(&first);
    world.fake.state().requests.clear();
    let second = world.push().unwrap();
    assert!(second.unchanged && !first.unchanged);
    let requests: Vec<String> = world.fake.state().requests.clone();
    assert_eq!(requests, ["HEAD /v2/app/manifests/v1"]);
}

#[test]
fn an_image_that_is_there_is_left_alone_by_those_who_have_never_made_it() {
    let world = World::new(Access::Open);
    let first = world.push().unwrap();
    let index = world.push_index_to("v2").unwrap();
    world.fake.state().requests.clear();
    let mut stranger = World::new(Access::Open);
    stranger.fake = world.fake.clone();
    let second = stranger.push().unwrap();
    assert!(second.unchanged && second.digest == first.digest);
    // Another machine still, so that nothing is known of the index either.
    let mut stranger = World::new(Access::Open);
    stranger.fake = world.fake.clone();
    let third = stranger.push_index_to("v2").unwrap();
    assert!(third.unchanged && third.digest == index.digest);
    assert_eq!((world.requests("POST"), world.requests("PUT")), (0, 0));
}

#[test]
fn blobs_that_are_there_are_not_sent_and_not_even_read() {
    let world = World::new(Access::Open);
    let published = world.push().unwrap();
    world.fake.state().manifests.clear();
    world.fake.state().requests.clear();
    let reference = Reference::parse(&format!("{}/app:v1", world.fake.address())).unwrap();
    let options = Options { policy: world.policy, ..Options::anonymous() };
    let image = image(world.directory.path(), world.large);
    // Bytes nobody needs may be gone.
    for layer in &image.layers {
        let Source::File(file) = &layer.source else { panic!("layers of files") };
        std::fs::remove_file(file).unwrap();
    }
    let cache = Cache::at(world.directory.path().join("cache"));
    let places = Places::at(world.directory.path().join("places"), Vec::new());
    let client = Client::pushing(reference, options).unwrap();
    let again = Registry::new(client, cache, places, Arc::new(Silent)).put(&image).unwrap();
    assert_eq!(again.digest, published.digest);
    assert_eq!((world.requests("POST"), world.requests("PATCH")), (0, 0));
}

#[test]
fn a_blob_of_which_the_registry_lost_a_part_is_sent_again() {
    let world = World::new(Access::Open);
    let published = world.push().unwrap();
    world.fake.state().manifests.clear();
    for blob in world.fake.state().blobs.values_mut() {
        blob.truncate(blob.len() - 1);
    }
    world.push().unwrap();
    world.assert_published(&published);
}

#[test]
fn uploads_may_be_anywhere_relative_to_the_request() {
    let habits = Habits { relative: true, largest_body: Some(5_000_000), ..Habits::default() };
    let world = World::with_habits(habits);
    let published = world.push().unwrap();
    world.assert_published(&published);
}

#[test]
fn each_blob_s_way_is_told_to_its_end() {
    let world = World::new(Access::Open);
    let (published, events) = world.push_to("app", Credentials::Anonymous);
    published.unwrap();
    for item in ["layer 1/2", "layer 2/2", "config"] {
        let steps: Vec<&Step> =
            events.iter().filter(|event| event.item == item).map(|event| &event.step).collect();
        assert_eq!(steps.last(), Some(&&Step::Sent), "{item}");
        assert!(steps.contains(&&Step::Sending { sent: 0 }), "{item}: {steps:?}");
        let size = events.iter().find(|event| event.item == item).and_then(|event| event.size);
        let all = Step::Sending { sent: size.unwrap_or_default() };
        assert!(steps.contains(&&all), "{item}: {steps:?}");
    }
}

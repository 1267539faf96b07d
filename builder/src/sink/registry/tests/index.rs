//! Several images under one index.

use super::*;

impl World {
    /// Two images that share a layer.
    fn images(&self) -> [Image; 2] {
        let amd = image(self.directory.path(), self.large);
        let mut arm = amd.clone();
        arm.architecture = "arm64".to_owned();
        arm.layers.truncate(1);
        [amd, arm]
    }

    fn push_index(&self) -> Result<Published> {
        self.push_index_to("v1")
    }

    pub fn push_index_to(&self, tag: &str) -> Result<Published> {
        let name = format!("app:{tag}");
        self.registry(&name, Credentials::Anonymous, Arc::new(Silent))?.put_index(&self.images())
    }
}

#[test]
fn an_index_comes_after_all_it_refers_to_and_what_is_there_costs_one_request() {
    let world = World::new(Access::Open);
    let published = world.push_index().unwrap();
    {
        let state = world.fake.state();
        let index = &state.manifests["v1"];
        assert_eq!(Digest::of(index), published.digest);
        let index: serde_json::Value = serde_json::from_slice(index).unwrap();
        for (at, layers) in [(0, 2), (1, 1)] {
            let digest = index["manifests"][at]["digest"].as_str().unwrap();
            let manifest: serde_json::Value =
                serde_json::from_slice(&state.manifests[digest]).unwrap();
            assert_eq!(manifest["layers"].as_array().unwrap().len(), layers);
            let config = manifest["config"]["digest"].as_str().unwrap().to_owned();
            assert!(state.blobs.contains_key(&("app".to_owned(), config)));
        }
        let puts: Vec<&String> =
            state.requests.iter().filter(|request| request.starts_with("PUT")).collect();
        assert!(puts.last().unwrap().ends_with("/manifests/v1"), "{puts:?}");
        // The layer both have was sent once.
        let uploads = state.requests.iter().filter(|request| request.starts_with("POST")).count();
        assert_eq!(uploads, 4, "two layers and two configurations");
    }
    world.fake.state().requests.clear();
    let again = world.push_index().unwrap();
    assert!(again.unchanged && again.digest == published.digest);
    assert_eq!(world.fake.state().requests, ["HEAD /v2/app/manifests/v1"]);
    // One of its images by itself is another thing.
    assert!(!world.push().unwrap().unchanged);
}

#[test]
fn an_index_is_not_published_when_something_of_it_is_missing() {
    for (method, part) in
        [("PUT", "/uploads/"), ("PUT", "/manifests/sha256:"), ("PUT", "/manifests/v1")]
    {
        let world = World::new(Access::Open);
        for _ in 0..100 {
            world.fake.fault(method, part, Fault::Status(500, ""));
        }
        let failure = world.push_index().unwrap_err().to_string();
        assert!(failure.contains("status 500"), "{part}: {failure}");
        assert!(!world.fake.state().manifests.contains_key("v1"), "{part}");
    }
}

#[test]
fn of_an_index_the_layers_of_all_its_images_are_known() {
    let world = World::new(Access::Open);
    world.push_index().unwrap();
    let registry = world.registry("app", Credentials::Anonymous, Arc::new(Silent)).unwrap();
    let current = registry.current().unwrap().unwrap();
    assert_eq!((current.layers.len(), current.config), (3, serde_json::Value::Null));
}

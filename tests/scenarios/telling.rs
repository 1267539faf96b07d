//! What is told while an image is copied, wherever it goes.

use devenv_tests::docker;
use devenv_tests::running;
use devenv_tests::world::World;

#[test]
fn every_destination_tells_what_becomes_of_each_layer() {
    let world = World::new();
    let text = r#"{ pkgs, ... }: {
        name = "everywhere";
        packages = [ pkgs.hello ];
        processes.once.exec = "hello";
        containers.processes.maxLayers = 4;
    }"#;
    let project = world.project("everywhere", text);
    let at = |name: &str| world.path(name).display().to_string();
    let destinations = [
        format!("oci:{}", at("layout")),
        format!("oci-archive:{}", at("oci.tar")),
        format!("docker-archive:{}", at("docker.tar")),
        format!("rootfs:{}", at("root")),
        "docker-daemon:everywhere:v1".to_owned(),
    ];
    for destination in &destinations {
        let mut command = project.command(&["copy", "processes", destination, "--json"]);
        let json = running::run(command.env("DOCKER_HOST", docker::host())).expect_code(0).out;
        let events: Vec<serde_json::Value> =
            json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let of = |event: &str| -> Vec<&serde_json::Value> {
            let is = |one: &&serde_json::Value| one["event"] == event;
            let mut items: Vec<_> = events.iter().filter(is).map(|one| &one["item"]).collect();
            items.sort_by_key(ToString::to_string);
            items.dedup();
            items
        };
        let over = [of("sent"), of("present")].concat();
        let (count, first) = (over.len(), format!("layer 1/{}", over.len()));
        assert!(count > 1 && over.contains(&&first.into()), "{destination}: {json}");
        // Of what was sent every byte is counted.
        for sent in events.iter().filter(|one| one["event"] == "sent") {
            let last =
                events.iter().rfind(|one| one["event"] == "sending" && one["item"] == sent["item"]);
            let size = sent["size"].as_u64().expect("a size");
            let told = last.and_then(|one| one["sent"].as_u64()).expect("a count");
            let known = last.is_some_and(|one| one["size"].is_u64());
            assert!(told == size || !known && told <= size, "{destination}: {json}");
        }
        assert_eq!(events.last().expect("an event")["event"], "published");
    }
    let quiet = project.run(&["copy", "processes", &destinations[2], "--quiet"]).expect_code(0);
    assert_eq!(quiet.err, "");
}

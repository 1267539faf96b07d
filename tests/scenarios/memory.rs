//! How much memory work on images takes, whatever they hold and however they are compressed.

use std::process::{Command, Stdio};
use std::time::Duration;

use devenv_tests::process_table::peak_memory_kb;
use devenv_tests::registry::Registry;
use devenv_tests::wait;
use devenv_tests::world::World;

/// The most it may be, in kB.
const MOST: u64 = 128 * 1024;

/// The most memory a program had until it ended well.
fn peak(command: &mut Command) -> u64 {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it can be started");
    let pid = i32::try_from(child.id()).expect("a pid is small");
    let (mut peak, mut ended) = (0, None);
    wait::until_true(Duration::from_secs(240), "the program to end", || {
        peak = peak_memory_kb(pid).unwrap_or_default().max(peak);
        ended = child.try_wait().expect("our own child");
        ended.is_some()
    });
    assert!(ended.is_some_and(|status| status.success()), "{command:?}: {ended:?}");
    peak
}

/// zstd takes 90 MB for one stream at its highest level, and there are four uploads at a time.
#[test]
fn the_densest_codec_takes_no_more_for_many_layers_than_for_one() {
    let world = World::new();
    let project = world.project(
        "dense",
        r#"{ pkgs, ... }: {
             name = "dense";
             packages = [ pkgs.hello ];
             processes.once.exec = "true";
             containers.processes.maxLayers = 5;
           }"#,
    );
    let image = project.build("processes");
    let options = ["--compression", "zstd", "--compression-level", "19"];
    let copy =
        |to: &str| peak(&mut project.command(&[&["copy", &image, to][..], &options].concat()));
    // At first nobody knows what the layers come to; to another registry they are compressed while they
    // are sent; a layout is written by all cores.
    let other = World::new();
    let registries = [Registry::open(&world), Registry::open(&other)];
    let names = registries.each_ref().map(|to| format!("docker://{}/dense:v1", to.address()));
    let layout = format!("oci:{}", world.path("layout").display());
    let peaks = [&names[0], &names[1], &layout].map(|to| copy(to));
    // A single stream is among it, or nothing was measured.
    assert!(peaks.iter().all(|kb| (64 * 1024..=MOST).contains(kb)), "{peaks:?} kB");
}

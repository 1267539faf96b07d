//! Golden plans.

use super::*;
use crate::closure::StorePath;
use crate::tar::Rewrite;

fn closure(paths: &[(&str, &[&str])]) -> Closure {
    let path = |(path, references): &(&str, &[&str])| StorePath {
        path: (*path).to_owned(),
        references: references.iter().map(|path| (*path).to_owned()).collect(),
        nar_hash: String::new(),
        nar_size: 0,
    };
    Closure::new(paths.iter().map(path).collect()).unwrap()
}

fn chain() -> Closure {
    closure(&[("app", &["lib"]), ("lib", &["libc"]), ("libc", &[]), ("root", &[])])
}

fn root() -> Special {
    let rewrite = Rewrite { regex: "^root".to_owned(), repl: String::new() };
    Special { path: "root".to_owned(), options: Options { rewrite, perms: Vec::new() } }
}

fn group(roots: &[&str], special: &[Special], max_layers: usize) -> Group {
    let roots = roots.iter().map(|root| (*root).to_owned()).collect();
    Group { roots, special: special.to_vec(), ignore: None, max_layers: Some(max_layers) }
}

fn names(layers: &[Vec<LayerPath>]) -> Vec<Vec<&str>> {
    layers.iter().map(|layer| layer.iter().map(|path| path.path.as_str()).collect()).collect()
}

#[test]
fn popular_paths_get_layers_of_their_own_and_the_images_own_tree_comes_last() {
    for (max, expected) in [
        (1, vec![vec!["libc", "lib", "app", "root"]]),
        (2, vec![vec!["libc", "lib", "app"], vec!["root"]]),
        (3, vec![vec!["libc"], vec!["lib", "app"], vec!["root"]]),
        (4, vec![vec!["libc"], vec!["lib"], vec!["app"], vec!["root"]]),
        (9, vec![vec!["libc"], vec!["lib"], vec!["app"], vec!["root"]]),
    ] {
        let layers = plan(&chain(), &[group(&["app"], &[root()], max)], false, 0).unwrap();
        assert_eq!(names(&layers), expected, "{max} layers");
    }
}

#[test]
fn a_rewritten_path_is_shipped_in_the_store_only_when_something_refers_to_it() {
    let shipped = |closure: &Closure, roots: &[&str]| {
        plan(closure, &[group(roots, &[root()], 1)], false, 0)
            .unwrap()
            .iter()
            .flatten()
            .filter(|path| path.path == "root")
            .map(|path| path.options.is_some())
            .collect::<Vec<_>>()
    };
    assert_eq!(shipped(&chain(), &[]), [true]);
    assert_eq!(shipped(&chain(), &["root"]), [false, true]);
    let referred = closure(&[("app", &["root"]), ("root", &["root"])]);
    assert_eq!(shipped(&referred, &["app"]), [false, true]);
}

#[test]
fn layers_asked_for_come_first_and_nothing_is_shipped_twice_unless_asked_for() {
    let groups = [group(&["lib"], &[], 2), group(&["libc"], &[], 1), group(&["app"], &[], 9)];
    let closure = chain();
    let shipped = |repeat| {
        let layers = plan(&closure, &groups, repeat, 0).unwrap();
        layers.concat().into_iter().map(|path| path.path).collect::<Vec<_>>()
    };
    assert_eq!(shipped(false), ["libc", "lib", "app"]);
    assert_eq!(shipped(true), ["libc", "lib", "libc", "app"]);
}

#[test]
fn what_is_ignored_is_left_out_without_what_it_needs() {
    let mut ignoring = group(&["app"], &[], 9);
    ignoring.ignore = Some("lib".to_owned());
    assert_eq!(names(&plan(&chain(), &[ignoring], false, 0).unwrap()), [["libc"], ["app"]]);
}

/// Which layers two images have in common.
fn common(one: &[Vec<LayerPath>], other: &[Vec<LayerPath>]) -> usize {
    one.iter().filter(|layer| other.contains(layer)).count()
}

#[test]
fn a_new_version_changes_one_layer_and_what_has_no_version_is_in_the_last() {
    let names: Vec<String> = (0..300).map(|at| format!("/s/h-package{at}x-1.{at}")).collect();
    let plan_of = |packages: &[&str]| {
        let mut paths: Vec<(&str, &[&str])> =
            packages.iter().map(|package| (*package, &[][..])).collect();
        paths.push(("/s/h-profile", packages));
        plan(&closure(&paths), &[group(&["/s/h-profile"], &[], 100)], false, 0).unwrap()
    };
    let packages: Vec<&str> = names.iter().map(String::as_str).collect();
    let before = plan_of(&packages);
    let count = before.len();
    assert!(count > 90 && count <= 100, "{count}");
    assert_eq!(before.iter().map(Vec::len).sum::<usize>(), 301);
    assert!(before.iter().all(|layer| layer.len() < 16), "no layer takes it all");
    assert_eq!(before[count - 1][0].path, "/s/h-profile");

    let shared = before[70][0].path.as_str();
    let renewed = format!("{shared}.1");
    let mut after = packages.clone();
    *after.iter_mut().find(|package| **package == shared).unwrap() = &renewed;
    assert_eq!(common(&before, &plan_of(&after)), count - 1);
    after.retain(|package| *package != renewed);
    assert_eq!(common(&before, &plan_of(&after)), count - 1);
}

#[test]
fn where_nobody_says_each_package_has_a_layer_and_what_changes_is_on_top() {
    let paths: &[(&str, &[&str])] = &[
        ("/s/a-processes-web", &["/s/b-bash-5.2", "/s/c-profile"]),
        ("/s/b-bash-5.2", &["/s/d-glibc-2.40"]),
        ("/s/c-profile", &["/s/b-bash-5.2", "/s/e-devenv-init"]),
        ("/s/d-glibc-2.40", &[]),
        ("/s/e-devenv-init", &[]),
        ("root", &[]),
    ];
    let mut usual = group(&["/s/a-processes-web"], &[root()], 1);
    usual.max_layers = None;
    let layers = plan(&closure(paths), &[usual.clone()], false, 0).unwrap();
    let expected = [
        vec!["/s/d-glibc-2.40"],
        vec!["/s/b-bash-5.2"],
        vec!["/s/e-devenv-init"],
        vec!["/s/c-profile", "/s/a-processes-web"],
        vec!["root"],
    ];
    assert_eq!(names(&layers), expected);
    // Where a base takes most of the room, they share what is left.
    let layers = plan(&closure(paths), &[usual], false, MAX_LAYERS - 4).unwrap();
    assert_eq!(layers.len(), 3);
    assert_eq!(names(&layers)[1..], expected[3..]);
}

#[test]
fn small_packages_share_a_layer() {
    let path = |path: &str, nar_size| StorePath {
        path: path.to_owned(),
        references: Vec::new(),
        nar_hash: String::new(),
        nar_size,
    };
    let sizes = [("/s/a-a-1", SMALL), ("/s/b-b-1", SMALL - 1), ("/s/c-c-1", 200), ("/s/d-d", 1)];
    let closure = Closure::new(sizes.map(|(name, size)| path(name, size)).into()).unwrap();
    let usual = Group { max_layers: None, ..group(&sizes.map(|(name, _)| name), &[], 1) };
    let layers = plan(&closure, &[usual], false, 0).unwrap();
    assert_eq!(names(&layers), [vec!["/s/a-a-1"], vec!["/s/b-b-1", "/s/c-c-1"], vec!["/s/d-d"]]);
}

#[test]
fn many_paths_become_no_more_layers_than_is_usual() {
    let names: Vec<String> = (0..300).map(|at| format!("/s/h-package{at}x-1.{at}")).collect();
    let paths: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
    let roots: Vec<&str> = names.iter().map(String::as_str).collect();
    let usual = Group { max_layers: None, ..group(&roots, &[], 1) };
    let layers = plan(&closure(&paths), &[usual], false, 0).unwrap();
    assert!((50..=USUAL).contains(&layers.len()), "{}", layers.len());
}

#[test]
fn versions_start_at_a_dash_and_a_digit() {
    for (path, expected) in [
        ("/nix/store/abc-openssl-3.0.1", Some("openssl")),
        ("/nix/store/abc-gtk+-2.24-dev", Some("gtk+")),
        ("/nix/store/abc-python3.11-pip-23.0", Some("python3.11-pip")),
        ("/nix/store/abc-profile", None),
        ("app", None),
    ] {
        assert_eq!(package(path), expected, "{path}");
    }
}

#[test]
fn wrong_requests_are_refused() {
    let refused =
        |group: Group, below| plan(&chain(), &[group], false, below).unwrap_err().to_string();
    assert!(refused(group(&[], &[], 0), 0).contains("0 layers"));
    assert!(refused(group(&[], &[], MAX_LAYERS + 1), 0).contains("126 layers"));
    assert!(refused(group(&[], &[root(), root()], 1), 0).contains("options twice"));
    let stranger = Special { path: "stranger".to_owned(), ..root() };
    assert!(refused(group(&[], &[stranger], 1), 0).contains("not in the closure"));
    let many = refused(group(&["app"], &[], 4), 123);
    assert!(many.contains("126 layers, 123 of its base") && many.contains("maxLayers"), "{many}");
    let full = refused(group(&["app"], &[], 4), 125);
    assert!(full.contains("128 layers, 125 of its base") && full.contains("fewer"), "{full}");
}

//! What is ignored and what is taken, as devenv and `.gitignore` have it.

use proptest::prelude::*;

use super::*;

fn rule(extensions: &[&str], ignore: &[&str]) -> Result<WatchRule, String> {
    let own = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let (extensions, ignore) = (own(extensions), own(ignore));
    let mut problems = Vec::new();
    let watch = wire::Watch { paths: vec![".".to_owned()], extensions, ignore };
    let rule = check("watch", watch, &mut problems);
    match problems.first() {
        None => rule.ok_or_else(String::new),
        Some(problem) => Err(format!("{}: {}", problem.path, problem.what)),
    }
}

#[test]
fn patterns_fit_what_gitignore_would_ignore() {
    for (pattern, path, ignored) in [
        ("target", "target", true),
        ("target", "a/target", true),
        ("target", "a/target/debug/x", true),
        ("target", "targets", false),
        ("target/", "target/x", true),
        ("*.log", "a.log", true),
        ("*.log", "a/b.log", true),
        ("*.log", "a.logs", false),
        ("*.log", ".log", true),
        (".*", ".git/index", true),
        (".*", "a.git", false),
        ("/a", "a", true),
        ("/a", "b/a", false),
        ("a/b", "a/b/c", true),
        ("a/b", "x/a/b", false),
        ("**/a/b", "x/a/b", true),
        ("**/a/b", "a/b", true),
        ("a/**", "a", false),
        ("a/**", "a/b/c", true),
        ("a/**/z", "a/z", true),
        ("a/**/z", "a/b/c/z", true),
        ("a/*/z", "a/b/c/z", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("[a-c]x", "bx", true),
        ("[!a-c]x", "bx", false),
        ("[]]x", "]x", true),
        ("[x", "[x", true),
        ("a\\*", "a*", true),
        ("a\\*", "ab", false),
        ("*.{js,ts}", "a.ts", true),
        ("*.{js,ts}", "a.rs", false),
        ("{a,b{c,d}}e", "bde", true),
        ("{a,b{c,d}}e", "be", false),
        ("*a*b*c", "xaxbxc", true),
        ("*a*b*c", "xaxcxb", false),
        ("\u{e4}?", "\u{e4}\u{f6}", true),
    ] {
        let rule = rule(&[], &[pattern]).expect("a pattern");
        assert_eq!(rule.ignores(path), ignored, "{pattern} {path}");
    }
}

#[test]
fn what_is_no_pattern_is_told() {
    for (pattern, why) in [
        ("", "it fits nothing"),
        ("/", "it fits nothing"),
        ("{a", "a brace is not closed"),
        ("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", "there are too many alternatives"),
    ] {
        let want = format!("watch.ignore[0]: \"{pattern}\" is no pattern: {why}");
        assert_eq!(rule(&[], &[pattern]), Err(want));
    }
}

#[test]
fn extensions_are_behind_the_last_dot() {
    let two = rule(&["rs", ".toml"], &[]).expect("a rule");
    for (name, taken) in [
        ("a.rs", true),
        ("a.b.toml", true),
        ("a.rs.orig", false),
        ("rs", false),
        (".rs", false),
        ("a.", false),
    ] {
        assert_eq!(two.takes(name), taken, "{name}");
    }
    assert!(rule(&[], &[]).expect("a rule").takes("anything"));
}

proptest! {
    #[test]
    fn any_text_is_a_pattern_or_not_and_takes_no_time(
        pattern in "[a*?{}\\[\\],/!.\\\\-]{0,24}", path in "[a/.]{0,40}",
    ) {
        if let Ok(rule) = rule(&[], &[&pattern]) {
            let _ = rule.ignores(&path);
        }
    }

    #[test]
    fn a_plain_name_fits_itself_alone(name in "[a-z]{1,8}", other in "[a-z]{1,8}") {
        let rule = rule(&[], &[&name]).expect("a pattern");
        prop_assert_eq!(rule.ignores(&other), name == other);
    }
}

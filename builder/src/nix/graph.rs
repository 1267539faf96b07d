//! Who refers to whom in the store, as `nix-store --query --graph` draws it.

use std::collections::BTreeMap;

/// For each store path those it refers to, itself left out.
pub type References = BTreeMap<String, Vec<String>>;

/// Reads the edges of the drawing, whose arrows point from what is referred to to who refers.
/// Names stand there without the store's directory.
pub fn parse(dot: &str, store: &str) -> References {
    let mut references = References::new();
    for line in dot.lines() {
        let mut words = line.split('"');
        let (Some(""), Some(to), Some(" -> "), Some(from)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        if from != to {
            references.entry(format!("{store}/{from}")).or_default().push(format!("{store}/{to}"));
        }
    }
    references
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_are_turned_around() {
        let dot = "digraph G {\n\"a-app\" [label = \"app\", shape = box];\n\
                   \"b-lib\" -> \"a-app\" [color = \"red\"];\n\
                   \"c-libc\" -> \"b-lib\" [color = \"red\"];\n\"b-lib\" -> \"b-lib\" [x];\n}\n";
        let references = parse(dot, "/nix/store");
        assert_eq!(references["/nix/store/a-app"], ["/nix/store/b-lib"]);
        assert_eq!(references["/nix/store/b-lib"], ["/nix/store/c-libc"]);
        assert_eq!(references.len(), 2);
    }
}

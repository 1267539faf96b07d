//! A strict reader of the text of OpenMetrics 1.0: what a scraper may rely on, and no more.

use std::collections::{BTreeMap, BTreeSet};

/// One line with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The whole name, with its suffix.
    pub name: String,
    /// By name; no name twice.
    pub labels: BTreeMap<String, String>,
    /// Finite in all that we write.
    pub value: f64,
}

/// A page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    samples: Vec<Sample>,
}

impl Page {
    /// The value of the one sample with this name and these labels among others.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |sample: &Sample, (label, value): &(&str, &str)| {
            sample.labels.get(*label).is_some_and(|found| found == value)
        };
        let fits =
            |sample: &&Sample| sample.name == name && labels.iter().all(|label| has(sample, label));
        let mut found = self.samples.iter().filter(fits);
        let first = found.next()?;
        assert_eq!(found.next(), None, "two samples of {name} {labels:?}");
        Some(first.value)
    }
}

#[derive(Default)]
struct Family {
    name: String,
    kind: String,
    unit: String,
    /// What has been said of it, in order.
    said: Vec<&'static str>,
}

/// Reads a page.
///
/// # Panics
/// At the first line that breaks a rule of the format, with the rule.
#[must_use]
#[track_caller]
pub fn read(text: &str) -> Page {
    let lines = text.strip_suffix("# EOF\n").expect("the last line is # EOF");
    assert!(lines.is_empty() || lines.ends_with('\n'), "the last line before it has an end");
    let (mut page, mut families, mut seen) = (Page::default(), BTreeSet::new(), BTreeSet::new());
    let mut family = Family::default();
    for line in lines.lines() {
        assert!(!line.is_empty() && line == line.trim(), "blank or padded: {line:?}");
        if let Some(metadata) = line.strip_prefix("# ") {
            let mut words = metadata.splitn(3, ' ');
            let (Some(word), Some(name), Some(value)) = (words.next(), words.next(), words.next())
            else {
                panic!("no metadata: {line:?}")
            };
            if family.name != name {
                assert!(families.insert(name.to_owned()), "{name} comes back");
                family = Family { name: name.to_owned(), ..Family::default() };
            }
            let word = ["TYPE", "UNIT", "HELP"].into_iter().find(|known| *known == word);
            let word = word.unwrap_or_else(|| panic!("unknown metadata: {line:?}"));
            assert!(!family.said.contains(&word), "twice: {line:?}");
            assert!(!family.said.contains(&"samples"), "behind its samples: {line:?}");
            family.said.push(word);
            match word {
                "TYPE" => family.kind = value.to_owned(),
                "UNIT" => family.unit = value.to_owned(),
                _ => {}
            }
            let ends = family.unit.is_empty() || name.ends_with(&format!("_{}", family.unit));
            assert!(ends, "{name} does not end in its unit");
            assert!(!name.ends_with("_total") && !name.ends_with("_info"), "reserved: {name}");
            continue;
        }
        assert!(!line.starts_with('#'), "{line:?}");
        let sample = sample(line);
        let suffix = sample.name.strip_prefix(&family.name);
        let wanted = match family.kind.as_str() {
            "counter" => "_total",
            "info" => "_info",
            "gauge" | "stateset" => "",
            other => panic!("unknown type {other:?}"),
        };
        assert_eq!(suffix, Some(wanted), "not of the family {}: {line:?}", family.name);
        family.said.push("samples");
        match family.kind.as_str() {
            "counter" => assert!(sample.value >= 0.0, "{line:?}"),
            "info" => assert!((sample.value - 1.0).abs() < f64::EPSILON, "{line:?}"),
            "stateset" => {
                assert!(sample.labels.contains_key(&family.name), "no state: {line:?}");
                assert!(sample.value == 0.0 || (sample.value - 1.0).abs() < f64::EPSILON);
            }
            _ => {}
        }
        assert!(seen.insert((sample.name.clone(), sample.labels.clone())), "twice: {line:?}");
        page.samples.push(sample);
    }
    page
}

fn sample(line: &str) -> Sample {
    let is_name = |name: &str, colon: bool| {
        let first = |c: char| c.is_ascii_alphabetic() || c == '_' || (colon && c == ':');
        let rest = |c: char| first(c) || c.is_ascii_digit();
        name.starts_with(first) && name.chars().all(rest)
    };
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line:?}"));
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name, true), "not a name: {line:?}");
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, behind) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line:?}"));
            assert!(is_name(label, false), "not a label: {line:?}");
            let (value, behind) = quoted(behind).unwrap_or_else(|| panic!("no end: {line:?}"));
            assert!(labels.insert(label.to_owned(), value).is_none(), "twice: {line:?}");
            rest = behind.strip_prefix(',').unwrap_or(behind);
            assert!(behind.starts_with('}') || !rest.starts_with('}'), "{line:?}");
        }
        rest = rest.strip_prefix('}').expect("it starts with it");
    }
    let value = rest.strip_prefix(' ').and_then(|value| value.parse::<f64>().ok());
    let value = value.filter(|value| value.is_finite());
    let value = value.unwrap_or_else(|| panic!("not a value: {line:?}"));
    Sample { name: name.to_owned(), labels, value }
}

/// What stands before the closing quote, and what behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut characters) = (String::new(), text.chars());
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => match characters.next()? {
                'n' => value.push('\n'),
                other @ ('\\' | '"') => value.push(other),
                _ => return None,
            },
            other => value.push(other),
        }
    }
}

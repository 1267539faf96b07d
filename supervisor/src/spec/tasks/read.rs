//! Takes JSON apart strictly: every problem is noted with its path, and reading goes on.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::spec::error::Problem;
use crate::spec::json::Json;

/// Seconds in a JSON number are at most this many, some 31 years.
const MOST_SECONDS: f64 = 1e9;

/// Collects what is wrong while values are read.
#[derive(Debug, Default)]
pub struct Reader {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    /// The variables the supervisor was started with.
    pub inherited: Rc<BTreeMap<String, String>>,
}

/// An object whose keys are all known.
#[derive(Clone, Debug)]
pub struct Object<'a> {
    /// Its path, to which `.key` is added.
    pub path: String,
    entries: &'a [(String, Json)],
}

/// How one kind of value is read: notes a problem and gives `None` where it is another one.
pub type Read<'a, T> = fn(&mut Reader, &str, &'a Json) -> Option<T>;

impl Reader {
    /// Nothing has been read yet.
    #[must_use]
    pub fn new(inherited: BTreeMap<String, String>) -> Self {
        Self { inherited: Rc::new(inherited), ..Self::default() }
    }

    /// Every problem that was noted.
    #[must_use]
    pub fn finish(self) -> Vec<Problem> {
        self.problems
    }

    /// How many problems have been noted so far.
    #[must_use]
    pub fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// The warnings since the last time.
    pub fn take_warnings(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.warnings)
    }

    /// Notes a problem.
    pub fn wrong(&mut self, path: &str, what: impl Into<String>, hint: Option<String>) {
        self.problems.push(Problem { path: path.to_owned(), what: what.into(), hint });
    }

    /// Notes what the plan cannot carry.
    pub fn warn(&mut self, path: &str, what: impl Into<String>, hint: Option<&str>) {
        let hint = hint.map(str::to_owned);
        self.warnings.push(Problem { path: path.to_owned(), what: what.into(), hint });
    }

    fn expected<T>(&mut self, path: &str, what: &str, found: &Json) -> Option<T> {
        self.wrong(path, format!("expected {what}, found {}", found.kind()), None);
        None
    }

    /// An object that has only keys of `known`, each once. Others are noted, and not given.
    pub fn object<'a>(&mut self, path: &str, json: &'a Json, known: &[&str]) -> Option<Object<'a>> {
        let Json::Object(entries) = json else { return self.expected(path, "an object", json) };
        for (index, (key, _)) in entries.iter().enumerate() {
            let shown = key.escape_debug();
            if !known.contains(&key.as_str()) {
                let hint = format!("the keys are {}", known.join(", "));
                self.wrong(path, format!("there is no key \"{shown}\""), Some(hint));
            } else if entries.iter().take(index).any(|(earlier, _)| earlier == key) {
                self.wrong(path, format!("the key \"{shown}\" is there twice"), None);
            }
        }
        Some(Object { path: path.to_owned(), entries })
    }

    /// What `read` gives for a key; `None` where it is absent or wrong.
    pub fn present<'a, T>(
        &mut self,
        object: &Object<'a>,
        key: &str,
        read: Read<'a, T>,
    ) -> Option<T> {
        read(self, &object.path_of(key), object.get(key)?)
    }

    /// What `read` gives for a key; `None` also where it is `null`.
    pub fn nullable<'a, T>(
        &mut self,
        object: &Object<'a>,
        key: &str,
        read: Read<'a, T>,
    ) -> Option<T> {
        match object.get(key) {
            None | Some(Json::Null) => None,
            Some(json) => read(self, &object.path_of(key), json),
        }
    }

    /// What `read` gives for a key that has to be there.
    pub fn required<'a, T>(
        &mut self,
        object: &Object<'a>,
        key: &str,
        read: Read<'a, T>,
    ) -> Option<T> {
        if object.get(key).is_none() {
            self.wrong(&object.path, format!("the key \"{key}\" is missing"), None);
        }
        self.present(object, key, read)
    }

    /// A text without NUL, which no argument and no variable of a program can hold.
    pub fn text(&mut self, path: &str, json: &Json) -> Option<String> {
        match json {
            Json::Text(text) if text.contains('\0') => {
                self.wrong(path, "holds a NUL byte", None);
                None
            }
            Json::Text(text) => Some(text.clone()),
            other => self.expected(path, "a text", other),
        }
    }

    /// `true` or `false`.
    pub fn bool(&mut self, path: &str, json: &Json) -> Option<bool> {
        match json {
            Json::Bool(value) => Some(*value),
            other => self.expected(path, "true or false", other),
        }
    }

    /// A whole number from 0 to 2³²-1.
    pub fn count(&mut self, path: &str, json: &Json) -> Option<u32> {
        self.integer(path, json, 0, i128::from(u32::MAX)).and_then(|n| u32::try_from(n).ok())
    }

    /// A whole number from 1 to 2³²-1.
    pub fn positive(&mut self, path: &str, json: &Json) -> Option<u32> {
        self.integer(path, json, 1, i128::from(u32::MAX)).and_then(|n| u32::try_from(n).ok())
    }

    /// A number of microseconds, at least 1.
    pub fn microseconds(&mut self, path: &str, json: &Json) -> Option<u64> {
        self.integer(path, json, 1, i128::from(u64::MAX)).and_then(|n| u64::try_from(n).ok())
    }

    /// A port one can connect to.
    pub fn port(&mut self, path: &str, json: &Json) -> Option<u16> {
        self.integer(path, json, 1, i128::from(u16::MAX)).and_then(|n| u16::try_from(n).ok())
    }

    fn integer(&mut self, path: &str, json: &Json, least: i128, most: i128) -> Option<i128> {
        let expected = format!("a whole number from {least} to {most}");
        match json {
            Json::Number(text) => {
                let number = text.parse().ok().filter(|number| (least..=most).contains(number));
                if number.is_none() {
                    self.wrong(path, format!("expected {expected}, found {text}"), None);
                }
                number
            }
            other => self.expected(path, &expected, other),
        }
    }

    /// Seconds, whole or not, as milliseconds rounded to the nearest.
    pub fn seconds(&mut self, path: &str, json: &Json) -> Option<u64> {
        let Json::Number(text) = json else {
            return self.expected(path, "a number of seconds", json);
        };
        let seconds: Option<f64> = text.parse().ok();
        let seconds = seconds.filter(|seconds| (0.0..=MOST_SECONDS).contains(seconds));
        if seconds.is_none() {
            let what = format!("expected 0 to {MOST_SECONDS} seconds, found {text}");
            self.wrong(path, what, None);
        }
        seconds.map(|seconds| (seconds * 1_000.0).round() as u64)
    }

    /// Seconds, at least a millisecond.
    pub fn some_seconds(&mut self, path: &str, json: &Json) -> Option<u64> {
        let ms = self.seconds(path, json)?;
        if ms == 0 {
            self.wrong(path, "must be more than 0", None);
            return None;
        }
        Some(ms)
    }

    /// A list, each item with its own path.
    pub fn items<'a>(&mut self, path: &str, json: &'a Json) -> Vec<(String, &'a Json)> {
        match json {
            Json::List(items) => {
                let numbered = items.iter().enumerate();
                numbered.map(|(index, item)| (format!("{path}[{index}]"), item)).collect()
            }
            other => self.expected(path, "a list", other).unwrap_or_default(),
        }
    }

    /// A list of texts.
    pub fn texts(&mut self, path: &str, json: &Json) -> Option<Vec<String>> {
        let items = self.items(path, json);
        Some(items.into_iter().filter_map(|(path, item)| self.text(&path, item)).collect())
    }

    /// An object with any keys, each once.
    pub fn entries<'a>(&mut self, path: &str, json: &'a Json) -> Vec<(&'a str, &'a Json)> {
        let Json::Object(entries) = json else {
            return self.expected(path, "an object", json).unwrap_or_default();
        };
        let mut found: BTreeMap<&str, &Json> = BTreeMap::new();
        for (key, value) in entries {
            if found.insert(key, value).is_some() {
                let what = format!("the key \"{}\" is there twice", key.escape_debug());
                self.wrong(path, what, None);
            }
        }
        found.into_iter().collect()
    }

    /// Variables by name.
    pub fn variables(&mut self, path: &str, json: &Json) -> Option<BTreeMap<String, String>> {
        let mut variables = BTreeMap::new();
        for (name, value) in self.entries(path, json) {
            // POSIX, XBD 8.1: a name holds no `=`.
            if name.is_empty() || name.contains(['=', '\0']) {
                let what = format!("\"{}\" cannot be a variable's name", name.escape_debug());
                self.wrong(path, what, None);
            } else if let Some(value) = self.text(&format!("{path}.{name}"), value) {
                variables.insert(name.to_owned(), value);
            }
        }
        Some(variables)
    }
}

impl<'a> Object<'a> {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a Json> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The path of a key.
    #[must_use]
    pub fn path_of(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }
}

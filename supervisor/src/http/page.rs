//! Which page is asked for.

use super::request::Request;

/// Something that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Whether all is well with what is asked after, which is everything or the processes of a name.
    Health {
        /// In which sense.
        subject: Subject,
        /// None: everything that is meant to run.
        name: Option<String>,
        /// Tell of each check also when all is well (`?verbose`).
        verbose: bool,
    },
    /// The figures.
    Metrics,
}

/// In which sense all may be well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Starting the container anew would not help.
    Live,
    /// It serves.
    Ready,
}

impl Subject {
    /// The name of its page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "livez",
            Self::Ready => "readyz",
        }
    }
}

impl Page {
    /// The page of a request, if there is one.
    #[must_use]
    pub fn of(request: &Request) -> Option<Self> {
        let path = request.path.strip_prefix('/')?;
        if path == "metrics" {
            return Some(Self::Metrics);
        }
        let (page, name) = match path.split_once('/') {
            Some((page, name)) => (page, Some(name)),
            None => (path, None),
        };
        let subject =
            [Subject::Live, Subject::Ready].into_iter().find(|subject| subject.as_str() == page)?;
        if name == Some("") {
            return None;
        }
        let is_verbose = |word: &str| word.split('=').next() == Some("verbose");
        let verbose = request.query.split('&').any(is_verbose);
        Some(Self::Health { subject, name: name.map(str::to_owned), verbose })
    }
}

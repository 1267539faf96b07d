//! The time in front of a line, formatted anew only when it would read differently.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::format::{Fixed, Item, Numeric, StrftimeItems};
use chrono::{DateTime, Local, SecondsFormat};

use super::options::{Format, Options};

/// Turns moments into text and remembers the last one.
pub(super) struct Stamper {
    style: Style,
    /// How long a text stays right.
    grain: Duration,
    /// Which grain since 1970 `text` was made in; `None` before the first and before 1970.
    made: Option<u128>,
    text: String,
}

enum Style {
    None,
    Rfc3339,
    Custom(String),
}

impl Stamper {
    /// Chooses the style from the options.
    pub fn new(options: &Options) -> Self {
        let (style, grain) = match (options.format, &options.timestamps.0) {
            (Format::Json, _) => (Style::Rfc3339, Duration::from_millis(1)),
            (Format::Text, None) => (Style::None, Duration::from_secs(1)),
            (Format::Text, Some(_)) if options.bare => (Style::None, Duration::from_secs(1)),
            (Format::Text, Some(format)) => (Style::Custom(format.clone()), grain(format)),
        };
        Self { style, grain, made: None, text: String::new() }
    }

    /// The text for `now`. The zone is that of `TZ` or `/etc/localtime`, UTC when there is none.
    pub fn stamp(&mut self, now: SystemTime) -> &str {
        let age = now.duration_since(UNIX_EPOCH).ok();
        let made = age.map(|age| age.as_nanos() / self.grain.as_nanos().max(1));
        if made.is_none() || made != self.made {
            self.made = made;
            let moment = DateTime::<Local>::from(now);
            self.text = match &self.style {
                Style::None => String::new(),
                Style::Rfc3339 => moment.to_rfc3339_opts(SecondsFormat::Millis, true),
                Style::Custom(format) => moment.format(format).to_string(),
            };
        }
        &self.text
    }
}

/// The least difference in time a format can show.
fn grain(format: &str) -> Duration {
    let finer = StrftimeItems::new(format).any(|item| match item {
        Item::Numeric(Numeric::Nanosecond, _) => true,
        Item::Fixed(fixed) => !matches!(
            fixed,
            Fixed::ShortMonthName
                | Fixed::LongMonthName
                | Fixed::ShortWeekdayName
                | Fixed::LongWeekdayName
                | Fixed::LowerAmPm
                | Fixed::UpperAmPm
                | Fixed::TimezoneName
                | Fixed::TimezoneOffset
                | Fixed::TimezoneOffsetColon
                | Fixed::TimezoneOffsetColonZ
                | Fixed::TimezoneOffsetZ
                | Fixed::RFC2822
        ),
        _ => false,
    });
    if finer { Duration::from_nanos(1) } else { Duration::from_secs(1) }
}

#[cfg(test)]
mod tests {
    use super::super::options::Timestamps;
    use super::*;

    fn stamper(format: &str) -> Stamper {
        let timestamps = Timestamps::format(format).unwrap();
        Stamper::new(&Options { timestamps, ..Options::default() })
    }

    #[test]
    fn a_text_is_kept_no_longer_than_it_is_right() {
        let at = |ms| UNIX_EPOCH + Duration::from_millis(ms);
        let mut seconds = stamper("%s");
        assert_eq!(seconds.stamp(at(1_999)), "1");
        assert_eq!(seconds.stamp(at(2_000)), "2");
        assert_eq!(seconds.stamp(at(1_000)), "1", "a clock may be set back");
        for format in ["%s%.3f", "%s.%3f"] {
            let mut millis = stamper(format);
            assert_eq!(millis.stamp(at(1_001)), "1.001", "{format}");
            assert_eq!(millis.stamp(at(1_002)), "1.002", "{format}");
        }
        let before = UNIX_EPOCH - Duration::from_secs(5);
        assert_eq!(seconds.stamp(before), "-5");
        assert_eq!(seconds.stamp(before - Duration::from_secs(1)), "-6");
    }

    #[test]
    fn json_has_rfc_3339_with_milliseconds() {
        let mut stamper = Stamper::new(&Options { format: Format::Json, ..Options::default() });
        let text = stamper.stamp(UNIX_EPOCH + Duration::from_millis(1_234)).to_owned();
        let parsed = DateTime::parse_from_rfc3339(&text).unwrap();
        assert_eq!(parsed.timestamp_millis(), 1_234);
        assert!(text.contains(".234"), "{text}");
    }

    #[test]
    fn an_unknown_specifier_is_refused() {
        assert!(Timestamps::format("%H:%Q").unwrap_err().contains("hint:"));
        assert!(Timestamps::format("100%").is_err());
    }
}

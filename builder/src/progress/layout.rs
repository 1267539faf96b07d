//! A line about something on its way, in the room there is: what it is called gives way first, and
//! numbers are shown whole or not at all.

/// How many characters a bar has, and how few where there is little room.
const BARS: [usize; 2] = [24, 8];

/// What a line says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// What it is about, as in `layer 3/10`.
    pub name: String,
    /// The beginning of its digest.
    pub digest: String,
    /// How much of it is done, from 0 to 1, where that is known.
    pub share: Option<f64>,
    /// How far it is, in words: the first that fit are shown.
    pub words: Vec<String>,
}

impl Line {
    /// The line in at most `width` characters; empty when not even the shortest words fit.
    pub fn fit(&self, width: usize) -> String {
        let Self { name, digest, .. } = self;
        // `layer 3/10` is still known by its number.
        let short = name.rsplit(' ').next().unwrap_or(name);
        let [long_bar, short_bar] = BARS.map(|length| self.bar(length));
        let columns = [
            format!("{name:<12} {digest:<12}{long_bar} "),
            format!("{name:<12}{long_bar} "),
            format!("{name:<12}{short_bar} "),
        ];
        let heads =
            [format!("{name}{short_bar} "), format!("{name} "), format!("{short} "), String::new()];
        let mut lines = self.words.iter().flat_map(|words| {
            // Blanks before them are for the columns.
            let plain = words.trim_start();
            let columns = columns.iter().map(move |head| format!("{head}{words}"));
            columns.chain(heads.iter().map(move |head| format!("{head}{plain}")))
        });
        lines.find(|line| line.chars().count() <= width).unwrap_or_default()
    }

    /// The same; where not even the shortest words fit, all of it, for a terminal to wrap.
    pub fn whole(&self, width: usize) -> String {
        Some(self.fit(width))
            .filter(|line| !line.is_empty())
            .unwrap_or_else(|| self.fit(usize::MAX))
    }

    /// A bar with a blank before it; where nothing can be drawn, that blank alone.
    fn bar(&self, length: usize) -> String {
        let Some(share) = self.share else { return " ".to_owned() };
        let full = (share.clamp(0.0, 1.0) * length as f64) as usize;
        format!(" [{}{}]", "#".repeat(full), " ".repeat(length - full))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_way_before_numbers_and_those_are_never_cut() {
        let line = Line {
            name: "layer 3/10".to_owned(),
            digest: "0123456789ab".to_owned(),
            share: Some(0.5),
            words: ["2.0 MiB of 4.0 MiB, 1.0 MiB/s", "2.0 MiB of 4.0 MiB", "2.0 MiB"]
                .map(str::to_owned)
                .to_vec(),
        };
        for (width, expected) in [
            (
                99,
                "layer 3/10   0123456789ab [############            ] 2.0 MiB of 4.0 MiB, 1.0 MiB/s",
            ),
            (79, "layer 3/10   [############            ] 2.0 MiB of 4.0 MiB, 1.0 MiB/s"),
            (60, "layer 3/10   [####    ] 2.0 MiB of 4.0 MiB, 1.0 MiB/s"),
            (51, "layer 3/10 [####    ] 2.0 MiB of 4.0 MiB, 1.0 MiB/s"),
            (40, "layer 3/10 2.0 MiB of 4.0 MiB, 1.0 MiB/s"),
            (39, "3/10 2.0 MiB of 4.0 MiB, 1.0 MiB/s"),
            (30, "2.0 MiB of 4.0 MiB, 1.0 MiB/s"),
            (19, "2.0 MiB of 4.0 MiB"),
            (7, "2.0 MiB"),
            (6, ""),
        ] {
            assert_eq!(line.fit(width), expected, "{width}");
        }
    }

    #[test]
    fn every_line_fits_whatever_the_width() {
        let line = Line {
            name: "arm64 layer 100/120".to_owned(),
            digest: "0123456789ab".to_owned(),
            share: None,
            words: vec!["again in 12.0 s".to_owned()],
        };
        for width in 0..200 {
            let fitted = line.fit(width);
            assert!(fitted.chars().count() <= width, "{width}: {fitted}");
            assert!(fitted.is_empty() || fitted.ends_with("again in 12.0 s"), "{width}: {fitted}");
        }
    }
}

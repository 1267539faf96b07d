//! Progress for programs: one JSON object a line.

use serde_json::{Map, Value, json};

use super::{Event, Step, Watch};
use crate::report;

/// Writes each event to standard output.
#[derive(Debug)]
pub struct Json;

impl Watch for Json {
    fn tell(&self, event: Event) {
        // A reader that has gone ends the program; another failure shows with the final line.
        let _ = report::line(object(&event));
    }
}

/// `{"event":"sending","item":"layer 1/2","digest":"sha256:…","size":10,"sent":5}`. Sizes are in
/// bytes, times in seconds.
fn object(event: &Event) -> Value {
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
    let name = match &event.step {
        Step::Making => "making",
        Step::Present => "present",
        Step::Mounted { .. } => "mounted",
        Step::Sending { .. } => "sending",
        Step::Sent => "sent",
        Step::Waiting { .. } => "waiting",
    };
    set("event", json!(name));
    set("item", json!(event.item));
    if let Some(digest) = &event.digest {
        set("digest", json!(digest.to_string()));
    }
    if let Some(size) = event.size {
        set("size", json!(size));
    }
    match &event.step {
        Step::Making | Step::Present | Step::Sent => None,
        Step::Mounted { from } => set("from", json!(from)),
        Step::Sending { sent } => set("sent", json!(sent)),
        Step::Waiting { why, pause } => {
            set("why", json!(why));
            set("pause", json!(pause.as_secs_f64()))
        }
    };
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn events_read_as_objects() {
        let event =
            |step| Event { item: "layer 1/2".to_owned(), digest: None, size: Some(9), step };
        for (step, expected) in [
            (Step::Present, json!({"event": "present", "item": "layer 1/2", "size": 9})),
            (
                Step::Sending { sent: 3 },
                json!({"event": "sending", "item": "layer 1/2", "size": 9, "sent": 3}),
            ),
            (
                Step::Waiting { why: "x".to_owned(), pause: Duration::from_millis(1500) },
                json!({"event": "waiting", "item": "layer 1/2", "size": 9, "why": "x", "pause": 1.5}),
            ),
        ] {
            assert_eq!(object(&event(step)), expected);
        }
    }
}

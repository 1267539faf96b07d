//! Lines cut into chunks of every size, secrets across parts, and what has no room.

use super::*;

/// What comes of a text that arrives in chunks of this size: whole lines, parts joined.
fn lines(text: &[u8], chunk: usize, mask: &Mask) -> Vec<String> {
    let mut line = Unfinished::default();
    let mut lines = Vec::new();
    let mut begun = String::new();
    let mut tell = |text: String, more: bool| {
        assert!(text.len() <= 4 * PART, "{}", text.len());
        begun.push_str(&text);
        if !more {
            lines.push(std::mem::take(&mut begun));
        }
    };
    for chunk in text.chunks(chunk) {
        line.push(chunk, mask, &mut tell);
    }
    line.end(mask, &mut tell);
    lines
}

#[test]
fn lines_are_the_same_however_they_arrive() {
    let mask = Mask::new(&[b"hunter2".to_vec()]);
    let long = "é".repeat(PART) + "hunter2" + &"x".repeat(3 * PART);
    let text = format!("one\r\ntwo hunter2\n\n10%\r20%\r\n{long}\nlast");
    let masked = long.replace("hunter2", "***");
    let want = ["one", "two ***", "", "10%", "20%", &masked, "last"];
    for chunk in [1, 2, 3, 7, PART - 1, PART, PART + 1, usize::MAX] {
        assert_eq!(lines(text.as_bytes(), chunk, &mask), want, "chunks of {chunk}");
    }
}

#[test]
fn a_secret_is_hidden_wherever_a_part_ends() {
    let mask = Mask::new(&[b"hunter2".to_vec()]);
    for before in PART - 10..PART + 10 {
        let text = "x".repeat(before) + "hunter2" + &"y".repeat(PART) + "\n";
        let want = text.replace("hunter2", "***");
        assert_eq!(lines(text.as_bytes(), 1000, &mask), [want.trim_end()], "{before}");
    }
}

#[test]
fn after_a_loss_the_first_line_seen_is_a_whole_one() {
    let mask = Mask::default();
    let mut line = Unfinished { skips: true, ..Unfinished::default() };
    let mut seen = Vec::new();
    line.push(b"half of a line\nwhole\n", &mask, &mut |text, _| seen.push(text));
    assert_eq!(seen, ["whole"]);
}

#[test]
fn what_is_taken_makes_room_again() {
    let mut waiting = Waiting::default();
    for _ in 0..3 {
        while waiting.has_room(BYTES) {
            waiting.pieces.push_back(Piece::Bytes(SourceId(0), vec![0; BYTES]));
        }
        waiting.lose(SourceId(1), 1);
        waiting.lose(SourceId(0), 1);
        assert!(waiting.weight > ROOM - BYTES - PIECE);
        while waiting.take().is_some() {}
        assert_eq!(waiting.weight, 0);
    }
}

#[test]
fn what_has_no_room_is_counted_in_its_place() {
    let mut waiting = Waiting::default();
    assert!(waiting.has_room(ROOM - 2 * PIECE) && waiting.has_room(0) && !waiting.has_room(0));
    waiting.lose(SourceId(2), 3);
    waiting.lose(SourceId(1), 2);
    waiting.lose(SourceId(2), 2);
    let [Piece::Lost(hole)] = waiting.pieces.make_contiguous() else { panic!("{waiting:?}") };
    assert_eq!((hole.bytes, hole.sources.as_slice()), (7, &[SourceId(1), SourceId(2)][..]));
}

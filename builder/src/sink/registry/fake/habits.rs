//! What the registry has, has seen and does.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

/// What to do in place of answering a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answer with this status and header lines, without reading the body when the client asks
    /// before it sends one.
    Status(u16, &'static str),
    /// Answer with this status and body.
    Say(u16, &'static str),
    /// Send the client to an address, by this status.
    Redirect(u16, String),
    /// Read a few bytes of the body and close the connection.
    HangUp,
    /// Do what was asked for, and close the connection in place of answering.
    LoseAnswer,
    /// Read a few bytes of the body and fall silent, without closing the connection.
    Stall,
    /// Read all of the request, begin an answer of this status, and fall silent before its end.
    HalfAnswer(u16),
    /// Do what was asked for, and answer with this status.
    AnswerAs(u16),
    /// Answer well, but name another digest.
    WrongDigest,
    /// Answer well, and name no digest at all.
    NoDigest,
    /// Answer well, and keep only so many bytes of the body.
    Keep(usize),
}

/// Who may push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Open,
    /// Who knows `me` and `secret`.
    Basic,
    /// Who has fetched a token with them.
    Bearer,
}

/// What kind of registry it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// The largest body it takes.
    pub largest_body: Option<usize>,
    /// It says that all is well with every piece, and keeps the first one only.
    pub ignores_pieces: bool,
    /// The smallest piece it takes, but for the last.
    pub least_piece: usize,
    /// It says that it has the whole blob after the second piece, which it drops.
    pub ends_early: bool,
    /// It wants every body unasked.
    pub no_expectations: bool,
    /// How many requests it answers in a second; others are to come again in a second.
    pub per_second: Option<usize>,
    /// It never mounts, and begins an upload instead.
    pub never_mounts: bool,
    /// It says where an upload is relative to the request.
    pub relative: bool,
    /// How many requests a token is good for.
    pub token_lasts: Option<usize>,
    /// What it asks for besides, before what it wants.
    pub also_asks: &'static str,
}

/// Everything the registry has and has seen.
#[derive(Debug, Default)]
pub struct State {
    /// By repository and digest.
    pub blobs: BTreeMap<(String, String), Vec<u8>>,
    /// By tag.
    pub manifests: BTreeMap<String, Vec<u8>>,
    /// `METHOD path`, digests shortened to `<digest>`.
    pub requests: Vec<String>,
    /// The first whose method and part of the path fit a request applies, once.
    pub faults: VecDeque<(&'static str, &'static str, Fault)>,
    /// What it does always.
    pub habits: Habits,
    /// Requests that were one too many.
    pub refused: usize,
    /// When the second it counts requests in began, and how many came.
    pub(super) second: Option<(Instant, usize)>,
    /// The bodies of requests, in bytes.
    pub received: usize,
    /// How many requests showed credentials.
    pub authorized: usize,
    /// Whether the last piece was smaller than they may be.
    pub(super) small: bool,
    /// Uploads that are under way.
    pub uploads: BTreeMap<u32, Vec<u8>>,
    /// How many tokens have been given, and what each is still good for.
    pub(super) tokens: BTreeMap<usize, usize>,
    /// The number of the last upload.
    pub(super) last: u32,
}

//! An answer, and its bytes.

/// What an answer says in one word (RFC 9110, section 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All is well.
    Ok,
    /// It is no request.
    BadRequest,
    /// There is no such page, or no such process.
    NotFound,
    /// Only GET and HEAD are answered.
    MethodNotAllowed,
    /// No whole request came in time.
    RequestTimeout,
    /// The request is longer than any request needs to be.
    TooLarge,
    /// Not well, or no room for one more client.
    Unavailable,
    /// It is not HTTP/1.
    VersionNotSupported,
}

impl Status {
    /// Code and phrase, as they stand in the first line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::RequestTimeout => "408 Request Timeout",
            Self::TooLarge => "431 Request Header Fields Too Large",
            Self::Unavailable => "503 Service Unavailable",
            Self::VersionNotSupported => "505 HTTP Version Not Supported",
        }
    }
}

/// Everything a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// In one word.
    pub status: Status,
    /// The media type of `body`.
    pub media_type: &'static str,
    /// In full.
    pub body: String,
}

impl Answer {
    /// A text for people.
    #[must_use]
    pub fn text(status: Status, body: impl Into<String>) -> Self {
        Self { status, media_type: "text/plain; charset=utf-8", body: body.into() }
    }

    /// Says the status and nothing else.
    #[must_use]
    pub fn refusal(status: Status) -> Self {
        Self::text(status, format!("{}\n", status.as_str()))
    }

    /// There is nothing there.
    #[must_use]
    pub fn no_such_page() -> Self {
        Self::text(
            Status::NotFound,
            "there are /livez, /readyz, /livez/NAME, /readyz/NAME and /metrics\n",
        )
    }

    /// Nobody is left who could answer.
    #[must_use]
    pub fn ending() -> Self {
        Self::text(Status::Unavailable, "the supervisor is ending\n")
    }

    /// As it is sent: the head alone where only that was asked for. `date` is the present time in
    /// the form of RFC 9110, section 5.6.7.
    #[must_use]
    pub fn to_bytes(&self, date: &str, head_only: bool) -> Vec<u8> {
        let allow = match self.status {
            Status::MethodNotAllowed => "Allow: GET, HEAD\r\n",
            _ => "",
        };
        let head = format!(
            "HTTP/1.1 {}\r\nDate: {date}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{allow}\
             Connection: close\r\n\r\n",
            self.status.as_str(),
            self.media_type,
            self.body.len()
        );
        let mut bytes = head.into_bytes();
        if !head_only {
            bytes.extend_from_slice(self.body.as_bytes());
        }
        bytes
    }
}

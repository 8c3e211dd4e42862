//! What can be wrong with an HTTP/1 message.

/// Why a head is refused, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bad {
    pub fault: Fault,
    /// The offset of the offending byte in the input.
    pub at: usize,
}

/// What can be wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A byte that a method may not hold.
    Method,
    /// A byte that a request target may not hold.
    Uri,
    /// The request line has no version: HTTP/0.9.
    NoVersion,
    /// The version is not `HTTP/1.` and a digit.
    Version,
    /// The status is not three digits.
    Status,
    /// A control character in the reason phrase.
    Reason,
    /// A carriage return without a line feed.
    BareCr,
    /// White space before the first field.
    LeadingSpace,
    /// A field without a name.
    EmptyName,
    /// White space between a field's name and its colon.
    SpaceBeforeColon,
    /// A byte that a field name may not hold.
    Name,
    /// A byte that a field value may not hold.
    Value,
    /// `Content-Length` is not a number, or too large.
    ContentLength,
    /// Two `Content-Length` values differ.
    ConflictingLength,
    /// `Transfer-Encoding` is not a list of codings ending in the only `chunked`, or comes where it may not.
    TransferEncoding,
    /// Several `Host` fields differ.
    ConflictingHost,
    /// The `Host` field names another authority than the request target.
    HostMismatch,
    /// A request of HTTP/1.0 or older whose method gives a body no meaning has one (RFC 9112 section 6.3, note 3; the peer
    /// answers 413).
    OldBody,
    /// A WebSocket upgrade without a `Sec-WebSocket-Key` of the right length.
    WebSocketKey,
    /// The server switches protocols although nobody asked it to, or not as WebSocket wants it.
    Switch,
    /// More lines than `tune.http.maxhdr`.
    TooManyFields,
    /// More bytes than the buffer keeps for a head.
    TooLarge,
    /// A chunk size is not a hexadecimal number, or too large.
    ChunkSize,
    /// A byte that a chunk extension may not hold, or too many of them.
    ChunkExtension,
    /// A chunk's data is not followed by an end of line.
    ChunkEnd,
}

impl Fault {
    /// The status that answers a request with this fault.
    pub fn request_status(self) -> u16 {
        match self {
            Fault::OldBody => 413,
            _ => 400,
        }
    }

    /// A few words for people.
    pub fn describe(self) -> &'static str {
        match self {
            Fault::Method => "invalid character in method",
            Fault::Uri => "invalid character in request target",
            Fault::NoVersion => "missing HTTP version",
            Fault::Version => "invalid HTTP version",
            Fault::Status => "invalid status code",
            Fault::Reason => "invalid character in reason phrase",
            Fault::BareCr => "carriage return without line feed",
            Fault::LeadingSpace => "white space before the first header",
            Fault::EmptyName => "empty header name",
            Fault::SpaceBeforeColon => "white space before colon",
            Fault::Name => "invalid character in header name",
            Fault::Value => "invalid character in header value",
            Fault::ContentLength => "invalid content-length",
            Fault::ConflictingLength => "conflicting content-length values",
            Fault::TransferEncoding => "invalid transfer-encoding",
            Fault::ConflictingHost => "conflicting host headers",
            Fault::HostMismatch => "host header differs from request target",
            Fault::OldBody => "unexpected body in an HTTP/1.0 request",
            Fault::WebSocketKey => "WebSocket request without key",
            Fault::Switch => "unexpected protocol switch",
            Fault::TooManyFields => "too many headers",
            Fault::TooLarge => "message too large",
            Fault::ChunkSize => "invalid chunk size",
            Fault::ChunkExtension => "invalid chunk extension",
            Fault::ChunkEnd => "missing end of chunk",
        }
    }
}

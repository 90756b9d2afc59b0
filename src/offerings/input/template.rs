//! The request of an input without its ids, which depend on the run and on the project.

use super::suggested_id::{Preserve, SuggestedId};
use crate::exchange::encode_segment;
use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// The placeholder for a fresh id.
pub(super) const ID: &str = "‹id›";

/// The start of the id of an unknown product; replaced by the prefix of the run.
pub(super) const NO_PRODUCT: &str = "qf-no-such-product";

/// A request without its ids.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct RequestTemplate {
    /// The method.
    #[serde(serialize_with = "write_method", deserialize_with = "read_method")]
    pub method: Method,
    /// The path template, with `{offering_id}` for the subject.
    pub path: String,
    /// The offering that the request is about.
    pub subject: InputSubject,
    /// Parts of the query exactly as sent, such as `limit=1`; `‹id›` stands for the subject's id, encoded.
    pub query: Vec<String>,
    /// Headers other than the API key; `‹id›` stands for a text that is unique to the request.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub content: InputBody,
    /// The id of another offering that must exist, with `‹id›` for a fresh id.
    #[serde(default, rename = "beside", skip_serializing_if = "Option::is_none")]
    pub neighbour: Option<String>,
}

fn write_method<S: Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

fn read_method<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Method, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// The offering that a request is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputSubject {
    /// None, or the new offering of the body.
    None,
    /// None, in a project of at least this many offerings. Older files name it `crowd`.
    #[serde(alias = "crowd")]
    AtLeast(usize),
    /// A regular offering that all inputs with this subject share; the first of them creates it.
    Shared,
    /// The main offering, if the run created it: a faulty server might demote it.
    Main,
    /// An offering that is created for this input alone, with this spelling in the path.
    Existing(SuggestedId, Spelling),
    /// An offering that does not exist.
    Missing(SuggestedId),
    /// An invalid id. With `truncated_to`, an offering exists whose id is the first that many characters of it, which a
    /// server that truncates ids would find.
    Invalid {
        /// The id.
        name: SuggestedId,
        /// How many characters of it are the id of an existing offering, or `None`.
        #[serde(rename = "remains")]
        truncated_to: Option<usize>,
    },
    /// A path segment as given, `‹id›` for a fresh id, which names no offering.
    Segment(String),
}

/// How an id is encoded in the path.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spelling {
    /// Unreserved characters verbatim, the others percent-encoded.
    Plain,
    /// Every byte percent-encoded.
    EveryByte,
    /// As `Plain`, with lower-case hexadecimal digits.
    LowerCase,
    /// As `Plain`, with a literal colon, which a path allows.
    BareColon,
}

impl Spelling {
    /// The id as a segment of a path.
    pub fn segment(self, id: &str) -> String {
        match self {
            Spelling::Plain => encode_segment(id),
            Spelling::EveryByte => id.bytes().fold(String::new(), |segment, byte| segment + &format!("%{byte:02X}")),
            Spelling::LowerCase => {
                // Only the two characters after a percent sign are hexadecimal digits.
                let mut digits = 0;
                let lower = |letter: char| {
                    digits = if letter == '%' { 3 } else { u8::saturating_sub(digits, 1) };
                    if digits > 0 { letter.to_ascii_lowercase() } else { letter }
                };
                encode_segment(id).chars().map(lower).collect()
            }
            Spelling::BareColon => encode_segment(id).replace("%3A", ":"),
        }
    }
}

/// A body.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputBody {
    /// No body.
    None,
    /// JSON, `‹id›` for a fresh id. The id of an object gets the prefix of the run as far as [`Preserve`] allows;
    /// `None` leaves it unchanged.
    Json(Value, Option<Preserve>),
    /// A text exactly as given, `‹id›` for a fresh id.
    Text {
        /// The content type, or `None` for no such header.
        declared: Option<String>,
        /// The text.
        text: String,
        /// The encoding of the text.
        encoding: Encoding,
    },
}

/// How a text is encoded.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-8 with a byte order mark.
    #[serde(rename = "marked")]
    Utf8Bom,
    /// UTF-16, little-endian, with a byte order mark.
    Utf16,
    /// UTF-8 with an invalid byte before the last quotation mark.
    #[serde(rename = "broken")]
    InvalidUtf8,
}

impl Encoding {
    /// The bytes of a text.
    pub fn bytes(self, text: &str) -> Bytes {
        let mut bytes = Vec::new();
        match self {
            Encoding::Utf8 => bytes.extend(text.bytes()),
            Encoding::Utf8Bom => bytes.extend([0xef, 0xbb, 0xbf].into_iter().chain(text.bytes())),
            Encoding::Utf16 => {
                bytes.extend([0xff, 0xfe]);
                bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            }
            Encoding::InvalidUtf8 => {
                let at = text.rfind('"').unwrap_or(text.len());
                bytes.extend(text[..at].bytes().chain([0xff]).chain(text[at..].bytes()));
            }
        }
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_id_decodes_to_the_same_id() {
        let spelt = |spelling: Spelling| spelling.segment("aB:c d");
        assert_eq!(spelt(Spelling::Plain), "aB%3Ac%20d");
        assert_eq!(spelt(Spelling::LowerCase), "aB%3ac%20d");
        assert_eq!(spelt(Spelling::BareColon), "aB:c%20d");
        assert_eq!(spelt(Spelling::EveryByte), "%61%42%3A%63%20%64");
        for spelling in [Spelling::Plain, Spelling::LowerCase, Spelling::BareColon, Spelling::EveryByte] {
            let segment = spelt(spelling);
            assert_eq!(percent_encoding::percent_decode_str(&segment).decode_utf8_lossy(), "aB:c d");
        }
    }
}

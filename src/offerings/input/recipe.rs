//! How the request of an input is composed, once it is known what the project holds and how ids begin.

use super::name::{Name, Preserve};
use crate::exchange::encode_segment;
use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// What stands for a fresh id in texts.
pub(super) const ID: &str = "‹id›";

/// How products begin that the project does not have; the run's prefix takes its place.
pub(super) const NO_PRODUCT: &str = "qf-no-such-product";

/// A request that lacks nothing but its ids.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The method.
    #[serde(serialize_with = "write_method", deserialize_with = "read_method")]
    pub method: Method,
    /// The path template, with `{offering_id}` where the subject goes.
    pub path: String,
    /// Which offering it is about.
    pub subject: InputSubject,
    /// Parts of the query exactly as sent, such as `limit=1`; `‹id›` stands for the subject's id, encoded.
    pub query: Vec<String>,
    /// Headers besides the key; `‹id›` stands for a text that no other request has.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub content: InputBody,
    /// The id, with `‹id›` for a fresh one, of another offering that must exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
}

fn write_method<S: Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

fn read_method<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Method, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// Which offering a request is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputSubject {
    /// None, or the new one of the body.
    None,
    /// None, in a project that holds at least so many.
    RaceModel(usize),
    /// One that all such inputs share, created by the first of them; it is not main.
    Shared,
    /// The main offering of the project, where it is the run's own: a wrong server might demote it.
    Main,
    /// One that is created for this input alone, spelt so in the path.
    Existing(Name, Spelling),
    /// One that does not exist.
    Missing(Name),
    /// An id that none can have. `remains`: an offering is there whose id is its first so many characters, which a
    /// server that cuts ids would find.
    Invalid {
        /// The id.
        name: Name,
        /// How many characters of it an existing offering has, or `None`.
        remains: Option<usize>,
    },
    /// A path segment as given, `‹id›` for a fresh id, which names no offering.
    Segment(String),
}

/// How an id stands in the path.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spelling {
    /// Unreserved characters as they are, the others percent-encoded.
    Plain,
    /// Every byte percent-encoded.
    EveryByte,
    /// As `Plain`, with hexadecimal digits in lower case.
    LowerCase,
    /// As `Plain`, with the colon as it is, which a path may have.
    BareColon,
}

impl Spelling {
    /// The id as a segment of a path.
    pub fn segment(self, id: &str) -> String {
        match self {
            Spelling::Plain => encode_segment(id),
            Spelling::EveryByte => id.bytes().fold(String::new(), |segment, byte| segment + &format!("%{byte:02X}")),
            Spelling::LowerCase => {
                // Only what stands after a percent sign is a digit of it.
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
    /// None.
    None,
    /// JSON, `‹id›` for a fresh id. The id of an object gets the run's prefix as far as this allows; `None` leaves it as
    /// it stands.
    Json(Value, Option<Preserve>),
    /// A text exactly as given, `‹id›` for a fresh id.
    Text {
        /// The content type, or `None` for no such header.
        declared: Option<String>,
        /// The text.
        text: String,
        /// Its bytes.
        encoding: Encoding,
    },
}

/// How a text becomes bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-8 behind a byte order mark.
    Marked,
    /// UTF-16, little end first, behind its mark.
    Utf16,
    /// UTF-8 in which the last quotation mark has a byte in front that no UTF-8 has.
    Broken,
}

impl Encoding {
    /// The bytes of a text.
    pub fn bytes(self, text: &str) -> Bytes {
        let mut bytes = Vec::new();
        match self {
            Encoding::Utf8 => bytes.extend(text.bytes()),
            Encoding::Marked => bytes.extend([0xef, 0xbb, 0xbf].into_iter().chain(text.bytes())),
            Encoding::Utf16 => {
                bytes.extend([0xff, 0xfe]);
                bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            }
            Encoding::Broken => {
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
    fn an_id_is_spelt_in_several_ways_that_mean_the_same() {
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

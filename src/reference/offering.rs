//! An offering as it is kept, and as it is shown.

use chrono::DateTime;
use serde_json::{Value, json};

/// Who owns an offering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The project: what this API is about.
    Regular,
    /// The experiments service: in the store, hidden from reads, closed to writes.
    Variant,
}

/// One row of the store.
#[derive(Debug, Clone)]
pub(super) struct Offering {
    pub(super) id: String,
    /// 1 is the main offering, 0 a former one, `None` one that never was; legacy rows hold anything.
    pub(super) tag: Option<i16>,
    pub(super) product_ids: Vec<String>,
    /// Seconds since 1970.
    pub(super) created_at: i64,
    /// Seconds since 1970, never before `created_at`.
    pub(super) updated_at: i64,
    pub(super) kind: Kind,
}

impl Offering {
    pub(super) fn is_regular(&self) -> bool {
        self.kind == Kind::Regular
    }

    pub(super) fn is_main(&self) -> bool {
        self.is_regular() && self.tag == Some(1)
    }

    /// The offering as the documents describe it.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "object": "offering",
            "id": self.id,
            "url": format!("/v4/offerings/{}", self.id),
            "tag": self.tag,
            "product_ids": self.product_ids,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        })
    }
}

/// RFC 3339 in UTC, whole seconds.
fn timestamp(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offering_is_shown_with_its_seven_properties() {
        let offering = Offering {
            id: "a b:c".into(),
            tag: None,
            product_ids: vec!["p".into()],
            created_at: 1_767_225_600,
            updated_at: 1_767_225_601,
            kind: Kind::Regular,
        };
        let expected = json!({
            "object": "offering", "id": "a b:c", "url": "/v4/offerings/a b:c", "tag": null, "product_ids": ["p"],
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:01Z",
        });
        assert_eq!(offering.to_json(), expected);
    }
}

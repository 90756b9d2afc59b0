//! The `offering.*` rules: every offering in any response.

use chrono::{DateTime, FixedOffset};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::SeenTimestamps;
use super::judge::{CheckContext, deviation};
use super::timestamps::TimeChange;
use crate::exchange::Exchange;

pub(super) const URL: &str = "offering.url";
pub(super) const TIMESTAMPS: &str = "offering.timestamps";
pub(super) const CREATED_AT_IMMUTABLE: &str = "offering.created-at-immutable";
pub(super) const TAG_VALUES: &str = "offering.tag-values";

/// The path of all offerings in their `url`, independent of the servers of the document.
const COLLECTION: &str = "/v4/offerings/";

/// An offering as returned by a server, with the fields that rules check.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Offering {
    /// `id`.
    pub id: String,
    /// `tag`; 1 is the main offering, `None` is null.
    pub tag: Option<i64>,
    /// `product_ids`, in order.
    pub products: Vec<String>,
    /// `created_at` as written.
    pub created_at: String,
    /// `updated_at` as written.
    pub updated_at: String,
    /// `url`.
    pub url: String,
}

impl Offering {
    /// Reads an offering; `None` when a field is missing or has another type (which the schema rule reports).
    pub fn read(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        let tag = match value.get("tag")? {
            Value::Null => None,
            tag => Some(tag.as_i64()?),
        };
        Some(Self {
            id: text("id")?,
            tag,
            products: value
                .get("product_ids")?
                .as_array()?
                .iter()
                .map(|id| id.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            created_at: text("created_at")?,
            updated_at: text("updated_at")?,
            url: text("url")?,
        })
    }

    /// Whether it is the main offering.
    pub fn is_main(&self) -> bool {
        self.tag == Some(1)
    }

    /// `created_at` as an instant, or `None` when it is not RFC 3339.
    pub fn created(&self) -> Option<DateTime<FixedOffset>> {
        DateTime::parse_from_rfc3339(&self.created_at).ok()
    }

    /// `updated_at` as an instant, or `None` when it is not RFC 3339.
    pub fn updated(&self) -> Option<DateTime<FixedOffset>> {
        DateTime::parse_from_rfc3339(&self.updated_at).ok()
    }
}

/// The offerings in a body: itself, or the items of a list.
pub fn offerings_in(body: &Value) -> &[Value] {
    match body.get("data").and_then(Value::as_array) {
        Some(items) => items,
        None if body.get("object").is_some_and(|o| o == "offering") => std::slice::from_ref(body),
        None => &[],
    }
}

pub(super) fn judge(cx: &mut CheckContext<'_>, seen: &mut SeenTimestamps) {
    let exchange = std::sync::Arc::clone(cx.exchange);
    if exchange.request.operation.endpoint().is_none() || !exchange.response.is_success() {
        return;
    }
    seen.note_write(&exchange);
    // The replay of an idempotency key is an older response with older timestamps.
    let may_be_old = exchange.request.header_value("idempotency-key").is_some();
    for item in exchange.response.json().map_or(&[][..], offerings_in) {
        if let Some(offering) = Offering::read(item) {
            url(cx, &offering);
            if let Some(times) = timestamps(cx, &offering).filter(|_| !may_be_old) {
                immutable(cx, &offering, times, seen, &exchange);
            }
            tag(cx, &offering);
        }
    }
}

fn url(cx: &mut CheckContext<'_>, offering: &Offering) {
    let is_path = |url: &str| url.strip_prefix(COLLECTION) == Some(&offering.id);
    let passed = is_path(&offering.url) || is_path(&percent_decode_str(&offering.url).decode_utf8_lossy());
    cx.rule(URL, passed, || {
        deviation(
            "path",
            "",
            "`url` is not the path of the offering",
            format!("`{COLLECTION}{}`, raw or percent-encoded", offering.id),
            format!("`{}`", offering.url),
        )
    });
}

/// `created_at` and `updated_at` of an offering.
type OfferingTimes = (DateTime<FixedOffset>, DateTime<FixedOffset>);

/// Expects RFC 3339 in UTC, `Z` or `+00:00`, any precision, and created not after updated. `None` if one is invalid.
fn timestamps(cx: &mut CheckContext<'_>, offering: &Offering) -> Option<OfferingTimes> {
    let (created, updated) = (offering.created(), offering.updated());
    let both = [("created_at", &offering.created_at, created), ("updated_at", &offering.updated_at, updated)];
    for (name, text, instant) in both {
        let is_utc = instant.is_some() && (text.ends_with(['Z', 'z']) || text.ends_with("+00:00"));
        if !is_utc || !text.contains(['T', 't']) {
            cx.rule(TIMESTAMPS, false, || {
                deviation(
                    "format",
                    name,
                    format!("`{name}` is not an RFC 3339 time in UTC"),
                    "RFC 3339 with Z or +00:00",
                    format!("`{text}`"),
                )
            });
            return None;
        }
    }
    let (created, updated) = (created?, updated?);
    cx.rule(TIMESTAMPS, created <= updated, || {
        deviation(
            "order",
            "",
            "`created_at` is after `updated_at`",
            "`created_at` <= `updated_at`",
            format!("{} > {}", offering.created_at, offering.updated_at),
        )
    });
    Some((created, updated))
}

fn immutable(
    cx: &mut CheckContext<'_>,
    offering: &Offering,
    times: OfferingTimes,
    seen: &mut SeenTimestamps,
    exchange: &Exchange,
) {
    let Some(change) = seen.update(&offering.id, times, exchange) else {
        return;
    };
    cx.rule(CREATED_AT_IMMUTABLE, change == TimeChange::Allowed, || {
        let (slug, title, expected, received) = match change {
            TimeChange::UpdatedBack { before } => {
                ("updated-at", "`updated_at` moved backward", format!("not before {before}"), &offering.updated_at)
            }
            TimeChange::CreatedMoved { before } => {
                ("created-at", "`created_at` changed", format!("created_at {before}"), &offering.created_at)
            }
            TimeChange::Allowed => ("", "", String::new(), &offering.updated_at),
        };
        deviation(slug, "", title, expected, received)
    });
}

fn tag(cx: &mut CheckContext<'_>, offering: &Offering) {
    let choice = match offering.tag {
        Some(1) => "1 for the main offering",
        Some(0) => "0 for a regular offering",
        None => "null for a regular offering",
        Some(_) => "another int16 on an older offering",
    };
    cx.record.observe(TAG_VALUES, choice);
}

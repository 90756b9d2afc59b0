//! JSON of offerings and lists.

use chrono::DateTime;
use http::{HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::call::Operation;
use super::config::Config;
use super::offering::Offering;
use super::page::Page;
use super::server_response::ServerResponse;
use super::step::Reply;
use super::store::LOGICAL_START;

/// Characters that need no encoding in a URL.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// Format of timestamps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Format of date and time, down to whole seconds.
    pub(super) date: &'static str,
    /// Format of the fraction of a second.
    pub(super) fraction: &'static str,
    pub(super) zone: &'static str,
    /// Seconds that the zone is ahead of UTC.
    pub(super) ahead: i64,
    /// Whether all timestamps are the same second.
    pub(super) equal: bool,
}

impl Default for Times {
    fn default() -> Self {
        Self { date: "%Y-%m-%dT%H:%M:%S", fraction: "", zone: "Z", ahead: 0, equal: false }
    }
}

/// The JSON and responses of one operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) config: &'a Config,
    pub(super) operation: Operation,
}

impl View<'_> {
    /// One offering.
    pub(super) fn offering(self, offering: &Offering) -> Value {
        let mut shown = Map::from_iter([
            ("object".to_owned(), json!("offering")),
            ("id".to_owned(), json!(offering.id)),
            ("url".to_owned(), (self.config.url)(&offering.id).into()),
            ("tag".to_owned(), offering.tag.into()),
            ("product_ids".to_owned(), json!(offering.product_ids)),
            ("created_at".to_owned(), self.time(offering.created_at).into()),
            ("updated_at".to_owned(), self.time(offering.updated_at).into()),
        ]);
        for show in self.config.shows.iter().filter(|show| show.at.contains(&self.operation)) {
            (show.apply)(&mut shown);
        }
        Value::Object(shown)
    }

    /// A time in seconds since 1970.
    fn time(self, seconds: i64) -> String {
        let Times { date, fraction, zone, ahead, equal } = self.config.times;
        let seconds = if equal { LOGICAL_START } else { seconds };
        let time = DateTime::from_timestamp(seconds + ahead, 0).unwrap_or_default();
        time.format(&format!("{date}{fraction}{zone}")).to_string()
    }

    /// A reply as status, headers and body.
    pub(super) fn response(self, reply: &Reply) -> ServerResponse {
        match reply {
            Reply::Created(offering) => ServerResponse::json(StatusCode::CREATED, self.offering(offering)),
            Reply::Offering(offering) => ServerResponse::json(StatusCode::OK, self.offering(offering)),
            Reply::Page(page) => {
                let response = ServerResponse::json(StatusCode::OK, self.list(page));
                let header = ("x-qon-pagination-restarted", HeaderValue::from_static("true"));
                if page.restarted { response.with_header(header.0, header.1) } else { response }
            }
            Reply::Nothing => ServerResponse::no_content(),
        }
    }

    /// One page of the list.
    fn list(self, page: &Page) -> Value {
        let data: Vec<_> = page.items.iter().map(|offering| self.offering(offering)).collect();
        json!({
            "object": "list",
            "url": "/v4/offerings",
            "data": data,
            "has_more": page.has_more,
            "next_cursor": page.next_cursor,
        })
    }
}

/// A text percent-encoded for a URL.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

//! How offerings and lists are shown: right, in one of the ways that the contract leaves open, or spoiled.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::behaviour::Behaviour;
use super::call::Operation;
use super::fault::Fault;
use super::offering::Offering;
use super::page::Page;
use super::store::LOGICAL_START;
use super::switches::Switches;

/// What stands in a URL as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// How one operation shows what it has to show.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub(super) switches: Switches,
    pub(super) operation: Operation,
}

impl View {
    fn faulty(self, fault: Fault) -> bool {
        self.switches.faulty(fault)
    }

    /// The fault, but only where this operation answers.
    fn faulty_at(self, operation: Operation, fault: Fault) -> bool {
        self.operation == operation && self.switches.faulty(fault)
    }

    /// One offering.
    pub(super) fn offering(self, offering: &Offering) -> Value {
        let mut shown = Map::new();
        shown.insert("object".into(), "offering".into());
        shown.insert("id".into(), offering.id.clone().into());
        shown.insert("url".into(), self.url(&offering.id).into());
        shown.insert("tag".into(), offering.tag.into());
        shown.insert("product_ids".into(), offering.product_ids.clone().into());
        let (created_at, updated_at) = self.times(offering);
        shown.insert("created_at".into(), self.timestamp(created_at).into());
        shown.insert("updated_at".into(), self.timestamp(updated_at).into());
        if self.switches.behaves(Behaviour::ExtraProperties) {
            shown.insert("display_name".into(), Value::Null);
            shown.insert("attributes".into(), json!({ "source": "api", "version": 3 }));
        }
        if self.switches.any_fault() {
            self.spoil_identity(&mut shown, offering);
            self.spoil_tag(&mut shown);
            self.spoil_products(&mut shown);
            self.spoil_times(&mut shown);
        }
        let shown = Value::Object(shown);
        if self.faulty_at(Operation::Get, Fault::GET_WRAPPED_IN_DATA) { json!({ "data": shown }) } else { shown }
    }

    fn url(self, id: &str) -> String {
        let encoded = || utf8_percent_encode(id, RESERVED).to_string();
        if self.faulty(Fault::URL_WITHOUT_VERSION) {
            format!("/offerings/{id}")
        } else if self.faulty(Fault::URL_ABSOLUTE) {
            format!("https://api.qonversion.io/v4/offerings/{id}")
        } else if self.faulty_at(Operation::SetMain, Fault::URL_OF_SET_MAIN) {
            format!("/v4/offerings/{id}/set-main")
        } else if self.faulty(Fault::URL_LOWERCASED) {
            format!("/v4/offerings/{}", id.to_ascii_lowercase())
        } else if self.faulty(Fault::URL_ENCODED_TWICE) {
            format!("/v4/offerings/{}", encoded().replace('%', "%25"))
        } else if self.faulty(Fault::URL_WITH_PLUS) {
            format!("/v4/offerings/{}", id.replace(' ', "+"))
        } else if self.switches.behaves(Behaviour::UrlEncoded) {
            format!("/v4/offerings/{}", encoded())
        } else {
            format!("/v4/offerings/{id}")
        }
    }

    /// The times to show, in seconds since 1970.
    fn times(self, offering: &Offering) -> (i64, i64) {
        if self.switches.behaves(Behaviour::EqualTimestamps) {
            return (LOGICAL_START, LOGICAL_START);
        }
        let mut times = (offering.created_at, offering.updated_at);
        if self.faulty_at(Operation::List, Fault::LIST_UPDATED_AT_OF_CREATION) {
            times.1 = times.0;
        }
        if self.faulty(Fault::UPDATED_BEFORE_CREATED) && times.0 == times.1 {
            times.1 -= 1;
        }
        if self.faulty_at(Operation::Get, Fault::CREATED_AT_NOW_ON_GET) {
            times.0 = Utc::now().timestamp();
            times.1 = times.1.max(times.0);
        }
        times
    }

    fn timestamp(self, seconds: i64) -> String {
        let time = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        let format = if self.faulty(Fault::TIMES_WITHOUT_ZONE) {
            "%Y-%m-%dT%H:%M:%S"
        } else if self.faulty(Fault::TIMES_WITH_SPACE) {
            "%Y-%m-%d %H:%M:%SZ"
        } else if self.faulty(Fault::TIMES_IN_LOCAL_TIME) {
            let ahead = FixedOffset::east_opt(3 * 3600).expect("three hours are less than a day");
            return time.with_timezone(&ahead).format("%Y-%m-%dT%H:%M:%S%:z").to_string();
        } else {
            match (self.switches.behaves(Behaviour::FractionalSeconds), self.switches.behaves(Behaviour::OffsetZero)) {
                (false, false) => "%Y-%m-%dT%H:%M:%SZ",
                (false, true) => "%Y-%m-%dT%H:%M:%S+00:00",
                (true, false) => "%Y-%m-%dT%H:%M:%S%.6fZ",
                (true, true) => "%Y-%m-%dT%H:%M:%S%.6f+00:00",
            }
        };
        time.format(format).to_string()
    }

    fn spoil_identity(self, shown: &mut Map<String, Value>, offering: &Offering) {
        use Operation::{Get, List, Update};
        if self.faulty(Fault::OBJECT_WRONG) {
            shown.insert("object".into(), "offerings".into());
        }
        if self.faulty_at(Get, Fault::OBJECT_MISSING_ON_GET) {
            shown.remove("object");
        }
        if self.faulty_at(Update, Fault::URL_MISSING_AFTER_UPDATE) {
            shown.remove("url");
        }
        if self.faulty_at(List, Fault::ID_MISSING_IN_LIST) {
            shown.remove("id");
        }
        if self.faulty(Fault::ID_NUMBER_WHEN_DIGITS)
            && let Ok(number) = offering.id.parse::<u64>()
        {
            shown.insert("id".into(), number.into());
        }
    }

    fn spoil_tag(self, shown: &mut Map<String, Value>) {
        let tag = shown["tag"].as_i64();
        if tag.is_none() && self.faulty(Fault::TAG_MISSING_WHEN_NULL) {
            shown.remove("tag");
        }
        if let Some(tag) = tag
            && self.faulty(Fault::TAG_AS_STRING)
        {
            shown.insert("tag".into(), tag.to_string().into());
        }
        if self.faulty_at(Operation::SetMain, Fault::TAG_TRUE_AFTER_SET_MAIN) {
            shown.insert("tag".into(), true.into());
        }
        if tag == Some(0) && self.faulty_at(Operation::List, Fault::LIST_DEMOTED_AS_NULL) {
            shown.insert("tag".into(), Value::Null);
        }
    }

    fn spoil_products(self, shown: &mut Map<String, Value>) {
        let Value::Array(mut products) = shown["product_ids"].clone() else { return };
        if self.operation == Operation::List {
            if self.faulty(Fault::LIST_PRODUCTS_SORTED) {
                products.sort_by_key(Value::to_string);
            }
            if self.faulty(Fault::LIST_PRODUCTS_CUT) {
                products.truncate(2);
            }
        }
        let empty = products.is_empty();
        let spoiled = if empty && self.faulty_at(Operation::Create, Fault::PRODUCTS_MISSING_WHEN_OMITTED) {
            shown.remove("product_ids");
            return;
        } else if empty && self.faulty(Fault::PRODUCTS_NULL_WHEN_EMPTY) {
            Value::Null
        } else if self.faulty_at(Operation::List, Fault::PRODUCTS_JOINED_IN_LIST) {
            products.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",").into()
        } else if self.faulty_at(Operation::Get, Fault::PRODUCTS_AS_OBJECTS_ON_GET) {
            products.iter().map(|id| json!({ "id": id })).collect()
        } else {
            Value::Array(products)
        };
        shown.insert("product_ids".into(), spoiled);
    }

    fn spoil_times(self, shown: &mut Map<String, Value>) {
        if self.faulty_at(Operation::Create, Fault::CREATED_AT_NULL_ON_CREATE) {
            shown.insert("created_at".into(), Value::Null);
        }
        if self.faulty(Fault::CREATED_AT_EPOCH) {
            let text = shown["created_at"].as_str().unwrap_or_default();
            let seconds = DateTime::parse_from_rfc3339(text).unwrap_or_default().timestamp();
            shown.insert("created_at".into(), seconds.into());
        }
        if self.faulty_at(Operation::List, Fault::UPDATED_AT_MISSING_IN_LIST)
            || self.faulty_at(Operation::SetMain, Fault::UPDATED_AT_MISSING_AFTER_SET_MAIN)
        {
            shown.remove("updated_at");
        }
    }

    /// One page of the list.
    pub(super) fn list(self, page: &Page) -> Value {
        let data: Vec<_> = page.items.iter().map(|offering| self.offering(offering)).collect();
        let mut shown = BTreeMap::from([
            ("object", json!("list")),
            ("url", json!("/v4/offerings")),
            ("data", data.into()),
            ("has_more", page.has_more.into()),
            ("next_cursor", page.next_cursor.clone().into()),
        ]);
        if self.switches.behaves(Behaviour::NextCursorNull) {
            shown.insert("next_cursor", Value::Null);
        }
        if self.switches.behaves(Behaviour::NextCursorAbsent) {
            shown.remove("next_cursor");
        }
        if self.switches.behaves(Behaviour::ExtraProperties) {
            shown.insert("total_count", Value::Null);
        }
        if self.faulty(Fault::LIST_BARE_ARRAY) {
            return shown["data"].clone();
        }
        if self.switches.any_fault() {
            self.spoil_list(&mut shown, page);
        }
        json!(shown)
    }

    fn spoil_list(self, shown: &mut BTreeMap<&'static str, Value>, page: &Page) {
        if self.faulty(Fault::LIST_OBJECT_WRONG) {
            shown.insert("object", "offering".into());
        }
        if self.faulty(Fault::LIST_URL_MISSING) {
            shown.remove("url");
        }
        if self.faulty(Fault::LIST_DATA_NULL_WHEN_EMPTY) && page.items.is_empty() {
            shown.insert("data", Value::Null);
        }
        if self.faulty(Fault::HAS_MORE_AS_STRING) {
            shown.insert("has_more", page.has_more.to_string().into());
        }
        if self.faulty(Fault::HAS_MORE_MISSING_ON_LAST_PAGE) && !page.has_more {
            shown.remove("has_more");
        }
        if self.faulty(Fault::NEXT_CURSOR_ENCODED) && page.has_more {
            shown.insert("next_cursor", "eyJhZnRlciI6MTIzfQ==".into());
        }
    }
}

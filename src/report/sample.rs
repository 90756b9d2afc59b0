//! Outcomes for the tests of all formats.

use std::collections::BTreeMap;

use serde_json::Value;

use super::json;
use crate::finding::Outcome;

/// One of everything: violations, a warning, skipped and inconclusive rules, observations, drift, notes, leftovers.
pub(super) const FIXED: &str = include_str!("testdata/fixed.json");

/// Nothing at all.
pub(super) const EMPTY: &str = include_str!("testdata/empty.json");

pub(super) fn fixed() -> Outcome {
    json::parse(FIXED.as_bytes()).unwrap()
}

pub(super) fn empty() -> Outcome {
    json::parse(EMPTY.as_bytes()).unwrap()
}

/// A string that a malicious or broken target could send.
pub(super) const HOSTILE: &str = "\"'<script>alert(1)</script>]]>\u{1b}[31m\u{1b}]0;x\u{7}\0\u{fffe}\u{202e}\u{2028}\
     |`*_[x](javascript:y)\r\n```\n::error::x%0A\n</textarea></details><!-- --!>&amp;{{7*7}}${x}@team #1 %zz\u{9b}~~,evil=1:2";

/// The fixed outcome with a hostile value in every string, some very long. Equal strings stay equal, so that findings
/// still belong to their rules.
pub(super) fn hostile() -> Outcome {
    let mut value: Value = serde_json::from_str(FIXED).unwrap();
    poison(&mut value, &mut BTreeMap::new());
    serde_json::from_value(value).unwrap()
}

fn poison(value: &mut Value, known: &mut BTreeMap<String, usize>) {
    /// Members whose values are enum variants and stay.
    const ENUMS: [&str; 5] = ["level", "verdict", "severity", "confirmed", "kind"];
    match value {
        Value::String(text) => {
            let next = known.len();
            let number = *known.entry(text.clone()).or_insert(next);
            let times = if number % 7 == 6 { 200 } else { 1 };
            *text = format!("{number}{}", HOSTILE.repeat(times));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, known)),
        Value::Object(members) => members
            .iter_mut()
            .filter(|(name, _)| !ENUMS.contains(&name.as_str()))
            .for_each(|(_, member)| poison(member, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

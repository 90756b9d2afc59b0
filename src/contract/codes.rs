//! Typed error codes of a document, in lists and in prose.

use crate::document::{Document, pointer};
use serde_json::Value;
use std::collections::BTreeSet;

/// The key under which a response lists its codes.
pub(super) const EXTENSION: &str = "x-error-codes";

/// The codes of the list under [`EXTENSION`] of a response, or `None` when it is not a list.
pub(super) fn listed(extension: Option<&Value>) -> Option<Vec<String>> {
    Some(extension?.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// The `snake_case` words in backticks in a text, each once, without names of properties and parameters.
pub(super) fn in_prose(text: &str, names: &BTreeSet<String>) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    // Every second piece is between two backticks.
    for word in text.split('`').skip(1).step_by(2) {
        if is_code(word) && !names.contains(word) && !codes.iter().any(|code| code == word) {
            codes.push(word.to_owned());
        }
    }
    codes
}

/// Whether a word is `snake_case` with at least two parts. A single word is as likely a name.
fn is_code(word: &str) -> bool {
    let parts: Vec<&str> = word.split('_').collect();
    let is_part = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    parts.len() > 1 && parts.iter().all(is_part) && word.starts_with(|c: char| c.is_ascii_lowercase())
}

/// The description of `error.code` in the schema at a pointer, or `None` when the schema has no such property.
pub(super) fn described<'a>(document: &'a Document, schema: &str) -> Option<&'a str> {
    let error = document.resolve(&format!("{schema}/properties/error"))?.0;
    let code = document.resolve(&format!("{error}/properties/code"))?.1;
    code.get("description")?.as_str()
}

/// Names of all properties of the schemas at these pointers.
pub(super) fn property_names<'s>(document: &Document, schemas: impl Iterator<Item = &'s String>) -> BTreeSet<String> {
    let properties = schemas.filter_map(|schema| document.value().pointer(&pointer::join(schema, "properties")));
    properties.filter_map(Value::as_object).flat_map(|properties| properties.keys().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinguished_from_other_words() {
        let names = BTreeSet::from(["product_ids".to_owned()]);
        let text = "Code: `cannot_demote_main` for `product_ids` with `tag: 1`, `tag`, `TAG_MAIN`, `_x`, `cannot_demote_main`.";
        assert_eq!(in_prose(text, &names), ["cannot_demote_main"]);
        assert_eq!(in_prose("one ` alone_here", &names), Vec::<String>::new());
    }
}

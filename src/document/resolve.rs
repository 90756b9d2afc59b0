//! Resolves `$ref`s.

use super::pointer;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The maximum number of references to one value. More is a circle that grows: `a` is a reference to `a/x`.
const MAX_LENGTH: usize = 250;

/// Why a reference cannot be resolved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RefError {
    /// It has no target in the document.
    Dangling {
        /// The reference as written; the last one of a chain.
        reference: String,
    },
    /// It points to another file or to the network.
    External {
        /// The reference as written.
        reference: String,
    },
    /// The references form a circle.
    Loop {
        /// The references in order; the first and the last are the same.
        chain: Vec<String>,
    },
}

/// The reference, if a value is one: a mapping with text under `$ref`.
pub(super) fn reference(value: &Value) -> Option<&str> {
    value.as_object()?.get("$ref")?.as_str()
}

/// The pointer of a reference within the document.
pub(super) fn target(reference: &str) -> Result<String, RefError> {
    let Some(fragment) = reference.strip_prefix('#') else {
        return Err(RefError::External { reference: reference.to_owned() });
    };
    let pointer = percent_decode_str(fragment).decode_utf8_lossy().into_owned();
    if pointer.is_empty() || pointer.starts_with('/') {
        Ok(pointer)
    } else {
        Err(RefError::Dangling { reference: reference.to_owned() })
    }
}

/// Follows a pointer and every reference on the way to a value that is not a reference.
///
/// Returns the pointer of that value. The error is `None` when the pointer itself, not a reference, has no target.
pub(super) fn follow<'a>(root: &'a Value, pointer: &str) -> Result<(String, &'a Value), Option<RefError>> {
    let mut chain: Vec<String> = Vec::new();
    let mut pending: Vec<String> = reversed(pointer);
    let (mut here, mut value) = (String::new(), root);
    loop {
        if let Some(reference) = reference(value) {
            // The same reference on the way to a deeper place is not a circle.
            let step = format!("{reference}\u{0}{}", pending.len());
            let circle =
                chain.iter().position(|earlier| *earlier == step).or((chain.len() > MAX_LENGTH).then_some(MAX_LENGTH));
            chain.push(step);
            if let Some(first) = circle {
                let chain = chain[first..].iter().map(|step| step.split('\u{0}').next().unwrap_or_default().to_owned());
                return Err(Some(RefError::Loop { chain: chain.collect() }));
            }
            // The keys of the target come before the remaining ones.
            pending.extend(reversed(&target(reference).map_err(Some)?));
            (here, value) = (String::new(), root);
            if pending.is_empty() {
                continue;
            }
        }
        let Some(key) = pending.pop() else { return Ok((here, value)) };
        let next = match value {
            Value::Object(map) => map.get(&key),
            Value::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => None,
        };
        let Some(next) = next else {
            let reference = chain.last().map(|step| step.split('\u{0}').next().unwrap_or_default().to_owned());
            return Err(reference.map(|reference| RefError::Dangling { reference }));
        };
        here = pointer::join(&here, &key);
        value = next;
    }
}

fn reversed(pointer: &str) -> Vec<String> {
    let mut keys: Vec<String> = pointer::keys(pointer).collect();
    keys.reverse();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_are_followed_at_the_end_and_on_the_way() {
        let root = json!({
            "a": {"$ref": "#/b"}, "b": {"$ref": "#/c"}, "c": {"d": [{"$ref": "#/e~1f%7Bg%7D"}]}, "e/f{g}": {"h": 1}
        });
        let (pointer, value) = follow(&root, "/a/d/0/h").unwrap();
        assert_eq!((pointer.as_str(), value), ("/e~1f{g}/h", &json!(1)));
    }

    #[test]
    fn a_circle_is_an_error_and_a_recursive_schema_is_not() {
        let root =
            json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}, "n": {"next": {"$ref": "#/n"}}, "s": {"$ref": "#/s"}});
        let chain =
            |names: &[&str]| Err(Some(RefError::Loop { chain: names.iter().map(|n| (*n).to_owned()).collect() }));
        assert_eq!(follow(&root, "/a"), chain(&["#/b", "#/a", "#/b"]));
        assert_eq!(follow(&root, "/s"), chain(&["#/s", "#/s"]));
        assert_eq!(follow(&root, "/n/next/next/next").unwrap().0, "/n");
    }

    #[test]
    fn a_growing_circle_is_an_error() {
        let root = json!({"a": {"$ref": "#/a/x"}});
        assert!(matches!(follow(&root, "/a"), Err(Some(RefError::Loop { .. }))));
    }

    #[test]
    fn dangling_and_external_references_are_distinguished() {
        let root = json!({"a": {"$ref": "#/x"}, "b": {"$ref": "other.yaml#/x"}, "c": {"$ref": "#x"}});
        let dangling = |reference: &str| Err(Some(RefError::Dangling { reference: reference.to_owned() }));
        assert_eq!(follow(&root, "/a"), dangling("#/x"));
        assert_eq!(follow(&root, "/b"), Err(Some(RefError::External { reference: "other.yaml#/x".to_owned() })));
        assert_eq!(follow(&root, "/c"), dangling("#x"));
        assert_eq!(follow(&root, "/z"), Err(None));
    }
}

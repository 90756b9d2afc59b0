//! Which patterns of the schemas are used: those that the validator supports, as long as there is memory for them.

use super::{ecma, schema::clip};
use crate::document::{Document, Lint, pointer};
use jsonschema::{Draft, PatternOptions};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// The sizes that are tried, which are what a pattern counts, in bytes.
const SIZES: [usize; 3] = [16 << 10, 128 << 10, ecma::MAX_SIZE];

/// The maximum size of all compiled patterns of a document, in bytes.
const MAX_TOTAL: usize = 64 << 20;

/// The patterns that are not used.
#[derive(Debug, Default)]
pub(super) struct UnusedPatterns {
    /// JSON pointers of all of them.
    pub(super) places: HashSet<String>,
    /// A lint for the first place of each.
    pub(super) lints: Vec<Lint>,
}

impl UnusedPatterns {
    /// Those of the schemas at these pointers.
    pub(super) fn of<'s>(document: &Document, schemas: impl Iterator<Item = &'s String>) -> Self {
        let mut verdicts: HashMap<&str, Option<&str>> = HashMap::new();
        let mut left = MAX_TOTAL;
        let mut unused = Self::default();
        for schema in schemas {
            let place = pointer::join(schema, "pattern");
            let Some(pattern) = document.value().pointer(&place).and_then(Value::as_str) else { continue };
            let known = verdicts.get(pattern).copied();
            let verdict = known.unwrap_or_else(|| reason(pattern, &mut left));
            verdicts.insert(pattern, verdict);
            let Some(reason) = verdict else { continue };
            if known.is_none() {
                let message = format!("the pattern `{}` is {reason}; it is ignored", clip(pattern));
                unused.lints.push(document.lint("document.unusable-pattern", &place, message));
            }
            unused.places.insert(place);
        }
        unused
    }
}

/// Why a pattern is not used. The size of one that is used is subtracted from `left`.
fn reason(pattern: &str, left: &mut usize) -> Option<&'static str> {
    let schema = json!({ "pattern": ecma::pattern(pattern) });
    let compiles = |options| {
        let validator = jsonschema::options().with_draft(Draft::Draft4).with_pattern_options(options);
        validator.build(&schema).is_ok()
    };
    match SIZES.into_iter().find(|size| compiles(PatternOptions::regex().size_limit(*size))) {
        Some(size) if size <= *left => {
            *left -= size;
            None
        }
        Some(_) => Some("too large beside the others"),
        None if regex_syntax::parse(&ecma::pattern(pattern)).is_ok() => Some("too large"),
        None => Some("not supported"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_patterns_are_not_used() {
        let verdict = |pattern: &str| reason(pattern, &mut usize::MAX.clone());
        for pattern in ["^[a-z]{1,64}$", "^([a-z]{10}){10}$", r"^\p{L}+$", "^(a|b)*c$", "^[^/]{1,255}$"] {
            assert_eq!(verdict(pattern), None, "{pattern}");
        }
        for pattern in ["^([a-z]{1000}){1000}$", r"^(\w{1,500}){1,500}$", "((a{100}){100}){100}", "x{90000000}"] {
            assert_eq!(verdict(pattern), Some("too large"), "{pattern}");
        }
        assert_eq!(verdict("(?=a)b"), Some("not supported"));
    }

    #[test]
    fn many_patterns_share_their_memory() {
        let mut left = 3 * SIZES[0];
        let verdicts: Vec<_> = ["a", "b", "c", "d"].into_iter().map(|pattern| reason(pattern, &mut left)).collect();
        assert_eq!(verdicts, [None, None, None, Some("too large beside the others")]);
    }
}

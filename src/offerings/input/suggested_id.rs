//! The ids of inputs: with the prefix of the run wherever the tested constraint allows it.

use serde::{Deserialize, Serialize};

/// What of a suggested id must be preserved.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preserve {
    /// Its length: the prefix may overwrite its start.
    Length,
    /// Its characters: the prefix may be prepended.
    Letters,
    /// All of it.
    Whole,
}

/// An id as the schema suggests it, before it gets the prefix of the run.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct SuggestedId {
    /// The suggestion; `None` for any unused id.
    pub text: Option<String>,
    /// What of it must be preserved.
    #[serde(rename = "fit")]
    pub preserve: Preserve,
}

impl SuggestedId {
    /// Any unused id.
    pub const FRESH: SuggestedId = SuggestedId { text: None, preserve: Preserve::Whole };

    /// An id like `text`.
    pub fn like(text: &str, preserve: Preserve) -> SuggestedId {
        SuggestedId { text: Some(text.to_owned()), preserve }
    }

    /// The id with the unique `prefix` where `is_valid` accepts the result; otherwise the suggestion unchanged.
    pub fn with_prefix(&self, prefix: &str, is_valid: impl Fn(&str) -> bool) -> String {
        let Some(text) = &self.text else { return prefix.to_owned() };
        let length = prefix.chars().count();
        let overwritten = || {
            let rest: String = text.chars().skip(length).collect();
            (!rest.is_empty()).then(|| format!("{prefix}{rest}"))
        };
        let candidates = match self.preserve {
            Preserve::Whole => Vec::new(),
            Preserve::Length => vec![overwritten()],
            Preserve::Letters => vec![Some(format!("{prefix}{text}")), overwritten()],
        };
        candidates.into_iter().flatten().find(|id| is_valid(id)).unwrap_or_else(|| text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_added_where_the_length_allows_it() {
        let fits = |id: &str| id.len() <= 16;
        let named = |text: &str, preserve| SuggestedId::like(text, preserve).with_prefix("qf-a-1.", fits);
        assert_eq!(named("aaaaaaaaaaaaaaaa", Preserve::Length), "qf-a-1.aaaaaaaaa");
        assert_eq!(named("a", Preserve::Length), "a");
        assert_eq!(named("a/a", Preserve::Letters), "qf-a-1.a/a");
        assert_eq!(named("aaaaaaaaaaaaaa/a", Preserve::Letters), "qf-a-1.aaaaaaa/a");
        assert_eq!(named("7", Preserve::Whole), "7");
        assert_eq!(SuggestedId::FRESH.with_prefix("qf-a-1.", fits), "qf-a-1.");
    }
}

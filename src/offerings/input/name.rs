//! How the ids of inputs are named: with the run's prefix wherever the constraint that is tried leaves room for it.

use serde::{Deserialize, Serialize};

/// How much of a suggested id must survive.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preserve {
    /// Its length: its beginning may be overwritten.
    Length,
    /// Its characters: a prefix may stand in front.
    Letters,
    /// All of it.
    Whole,
}

/// An id that is suggested.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Name {
    /// The suggestion; `None` for any id that no offering has.
    pub text: Option<String>,
    /// What of it must survive.
    #[serde(rename = "fit")]
    pub preserve: Preserve,
}

impl Name {
    /// Any id that no offering has.
    pub const FRESH: Name = Name { text: None, preserve: Preserve::Whole };

    /// An id like `text`.
    pub fn like(text: &str, preserve: Preserve) -> Name {
        Name { text: Some(text.to_owned()), preserve }
    }

    /// The id with `prefix`, which is unique, if that can be; `keeps` says whether an id still shows what it is to show.
    pub fn with_prefix(&self, prefix: &str, keeps: impl Fn(&str) -> bool) -> String {
        let Some(text) = &self.text else { return prefix.to_owned() };
        let length = prefix.chars().count();
        let overwritten = || {
            let rest: String = text.chars().skip(length).collect();
            (!rest.is_empty()).then(|| format!("{prefix}{rest}"))
        };
        let tried = match self.preserve {
            Preserve::Whole => Vec::new(),
            Preserve::Length => vec![overwritten()],
            Preserve::Letters => vec![Some(format!("{prefix}{text}")), overwritten()],
        };
        tried.into_iter().flatten().find(|id| keeps(id)).unwrap_or_else(|| text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_stands_in_front_where_there_is_room() {
        let fits = |id: &str| id.len() <= 16;
        let named = |text: &str, preserve| Name::like(text, preserve).with_prefix("qf-a-1.", fits);
        assert_eq!(named("aaaaaaaaaaaaaaaa", Preserve::Length), "qf-a-1.aaaaaaaaa");
        assert_eq!(named("a", Preserve::Length), "a");
        assert_eq!(named("a/a", Preserve::Letters), "qf-a-1.a/a");
        assert_eq!(named("aaaaaaaaaaaaaa/a", Preserve::Letters), "qf-a-1.aaaaaaa/a");
        assert_eq!(named("7", Preserve::Whole), "7");
        assert_eq!(Name::FRESH.with_prefix("qf-a-1.", fits), "qf-a-1.");
    }
}

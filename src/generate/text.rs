//! Values as they travel in a path, a query or a header: as text.
//!
//! A server sees a text, not a type. So `007` may be taken for 7 or be refused; both are right.

use super::constraint::{Constraint, Side};
use super::node::JsonType;
use super::schema::{Facet, Schema};
use serde_json::Value;

/// Whether a text spells a value of the schema.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reading {
    /// It spells a valid value plainly: it must be taken.
    Valid,
    /// However it is read, it spells no valid value: it must be refused.
    Invalid,
    /// Some read it as a valid value, others do not: either is right.
    Ambiguous,
}

/// A text for a parameter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Text {
    /// The text itself, not encoded.
    pub text: String,
    /// Whether it spells a valid value.
    pub reading: Reading,
    /// The constraint that it is about.
    pub facet: Facet,
    /// What is special about it, to stand after the parameter's name.
    pub words: String,
}

/// What spells no integer in any reading.
const NO_INTEGERS: [(&str, &str); 13] = [
    ("abc", "of `abc`"),
    ("1.5", "of `1.5`"),
    ("12abc", "of `12abc`"),
    ("abc12", "of `abc12`"),
    ("1,5", "of `1,5`"),
    ("1 2", "of `1 2`"),
    ("--1", "of `--1`"),
    ("NaN", "of `NaN`"),
    ("Infinity", "of `Infinity`"),
    ("true", "of `true`"),
    ("null", "of `null`"),
    ("é", "of a letter beyond ASCII"),
    ("1'--", "of `1'--`"),
];

/// What some read as an integer and others do not.
const PERHAPS_INTEGERS: [(&str, &str); 17] = [
    ("", "that is empty"),
    ("+1", "of `+1`"),
    ("01", "of `01`"),
    (" 1", "with a space in front"),
    ("1 ", "with a space behind"),
    ("\t1", "with a tab in front"),
    ("1\n", "with a line break behind"),
    ("1e1", "of `1e1`"),
    ("1e3", "of `1e3`"),
    ("1.0", "of `1.0`"),
    ("-0", "of `-0`"),
    ("0x10", "of `0x10`"),
    ("1_0", "of `1_0`"),
    ("1\0", "with NUL behind"),
    ("１", "of a full-width digit"),
    ("٣", "of an Arabic digit"),
    ("[1]", "of a list"),
];

/// How long a number can be that must be refused like any other; beyond, a server may refuse the request as a whole.
const LONG_NUMBER: usize = 400;

impl Schema {
    /// Texts for a parameter of this schema: at the limits, beyond them, and such as may be read either way. None for
    /// lists and objects, whose spelling depends on more than their schema.
    pub fn texts(&self) -> Vec<Text> {
        let node = self.node();
        if node.has(JsonType::String) && node.typed {
            return self.of_samples(|value| value.as_str().map(str::to_owned));
        }
        if node.has(JsonType::Integer) && node.typed {
            return self.integer_texts();
        }
        if node.has(JsonType::Boolean) && node.typed {
            let mut texts = self.of_samples(|value| value.as_bool().map(|truth| truth.to_string()));
            let at = |text: &str, reading| plain(text, reading, Constraint::Type, &format!("of `{text}`"));
            texts.extend(["maybe", "truee", "2"].map(|text| at(text, Reading::Invalid)));
            texts.extend(["1", "0", "TRUE", "yes", "on", ""].map(|text| at(text, Reading::Ambiguous)));
            return texts;
        }
        if node.has(JsonType::Number) && node.typed {
            let mut texts = self.of_samples(|value| value.is_number().then(|| value.to_string()));
            texts.extend(
                ["abc", "1.5.5", "1,5"]
                    .map(|text| plain(text, Reading::Invalid, Constraint::Type, &format!("of `{text}`"))),
            );
            return texts;
        }
        Vec::new()
    }

    fn integer_texts(&self) -> Vec<Text> {
        let mut texts = self.of_samples(|value| value.as_i64().map(|integer| integer.to_string()));
        let node = self.node();
        let (_, greatest) = node.integers();
        texts.extend(NO_INTEGERS.map(|(text, words)| plain(text, Reading::Invalid, Constraint::Type, words)));
        for (text, words) in PERHAPS_INTEGERS {
            texts.push(plain(text, Reading::Ambiguous, Constraint::Type, words));
        }
        if greatest.is_some() {
            let constraint =
                node.maximum.map_or(Constraint::Maximum, |bound| super::valid::of_bound(bound, Constraint::Maximum));
            for text in ["18446744073709551616", "340282366920938463463374607431768211456"] {
                texts.push(plain(text, Reading::Invalid, constraint, "beyond 64 bits"));
            }
            let words = format!("of {LONG_NUMBER} digits");
            texts.push(plain(&"9".repeat(LONG_NUMBER), Reading::Invalid, constraint, &words));
        }
        texts
    }

    /// The samples that `spell` gives a text for.
    fn of_samples(&self, spell: impl Fn(&Value) -> Option<String>) -> Vec<Text> {
        let mut texts: Vec<Text> = Vec::new();
        for sample in self.valid().chain(self.broken()) {
            // A text has no type: neither null nor a list can be told from its letters.
            let about_type = matches!(sample.facet.constraint, Constraint::Type | Constraint::Nullable);
            if about_type && sample.side == Side::Outside {
                continue;
            }
            let reading = if sample.side == Side::Inside { Reading::Valid } else { Reading::Invalid };
            let Some(text) = spell(&sample.value) else { continue };
            if !texts.iter().any(|known| known.text == text && known.facet == sample.facet) {
                texts.push(Text { text, reading, facet: sample.facet.clone(), words: sample.words.clone() });
            }
        }
        texts
    }

    /// A value as a parameter spells it; `None` for null, lists and objects.
    pub fn spelt(value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

fn plain(text: &str, reading: Reading, constraint: Constraint, words: &str) -> Text {
    Text { text: text.to_owned(), reading, facet: Facet { place: String::new(), constraint }, words: words.to_owned() }
}

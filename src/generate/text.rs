//! Values as text in a path, a query or a header.
//!
//! A server receives text, not a type. So it may treat `007` as 7 or reject it; both are correct.

use super::constraint::{Constraint, ConstraintSide};
use super::node::JsonType;
use super::schema::{Facet, Schema};
use serde_json::Value;

/// Whether a text represents a value of the schema.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TextValidity {
    /// It represents a valid value: a server must accept it.
    Valid,
    /// It represents no valid value: a server must reject it.
    Invalid,
    /// Parsers disagree: a server may accept or reject it.
    Ambiguous,
}

/// A text for a parameter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Text {
    /// The text itself, not encoded.
    pub text: String,
    /// Whether it represents a valid value.
    pub validity: TextValidity,
    /// The constraint that it tests.
    pub facet: Facet,
    /// What is special about it, to follow the parameter's name.
    pub label: String,
}

/// Texts that no parser accepts as an integer.
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

/// Texts that only some parsers accept as an integer.
const AMBIGUOUS_INTEGERS: [(&str, &str); 17] = [
    ("", "that is empty"),
    ("+1", "of `+1`"),
    ("01", "of `01`"),
    (" 1", "with a leading space"),
    ("1 ", "with a trailing space"),
    ("\t1", "with a leading tab"),
    ("1\n", "with a trailing line break"),
    ("1e1", "of `1e1`"),
    ("1e3", "of `1e3`"),
    ("1.0", "of `1.0`"),
    ("-0", "of `-0`"),
    ("0x10", "of `0x10`"),
    ("1_0", "of `1_0`"),
    ("1\0", "with a trailing NUL"),
    ("１", "of a full-width digit"),
    ("٣", "of an Arabic digit"),
    ("[1]", "of a list"),
];

/// Length of a long number. For a longer one, a server may reject the request as a whole.
const LONG_NUMBER: usize = 400;

impl Schema {
    /// Texts for a parameter of this schema: at the limits, beyond them, and ambiguous ones. None for lists and
    /// objects, whose text depends on more than their schema.
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
            let at = |text: &str, validity| plain(text, validity, Constraint::Type, &format!("of `{text}`"));
            texts.extend(["maybe", "truee", "2"].map(|text| at(text, TextValidity::Invalid)));
            texts.extend(["1", "0", "TRUE", "yes", "on", ""].map(|text| at(text, TextValidity::Ambiguous)));
            return texts;
        }
        if node.has(JsonType::Number) && node.typed {
            let mut texts = self.of_samples(|value| value.is_number().then(|| value.to_string()));
            texts.extend(
                ["abc", "1.5.5", "1,5"]
                    .map(|text| plain(text, TextValidity::Invalid, Constraint::Type, &format!("of `{text}`"))),
            );
            return texts;
        }
        Vec::new()
    }

    fn integer_texts(&self) -> Vec<Text> {
        let mut texts = self.of_samples(|value| value.as_i64().map(|integer| integer.to_string()));
        let node = self.node();
        let (_, max) = node.integers();
        texts.extend(NO_INTEGERS.map(|(text, label)| plain(text, TextValidity::Invalid, Constraint::Type, label)));
        for (text, label) in AMBIGUOUS_INTEGERS {
            texts.push(plain(text, TextValidity::Ambiguous, Constraint::Type, label));
        }
        if max.is_some() {
            let constraint =
                node.maximum.map_or(Constraint::Maximum, |bound| super::valid::of_bound(bound, Constraint::Maximum));
            for text in ["18446744073709551616", "340282366920938463463374607431768211456"] {
                texts.push(plain(text, TextValidity::Invalid, constraint, "beyond 64 bits"));
            }
            let label = format!("of {LONG_NUMBER} digits");
            texts.push(plain(&"9".repeat(LONG_NUMBER), TextValidity::Invalid, constraint, &label));
        }
        texts
    }

    /// The samples for which `as_text` returns a text.
    fn of_samples(&self, as_text: impl Fn(&Value) -> Option<String>) -> Vec<Text> {
        let mut texts: Vec<Text> = Vec::new();
        for sample in self.valid().chain(self.broken()) {
            // A text has no type: it cannot represent null or a list.
            let about_type = matches!(sample.facet.constraint, Constraint::Type | Constraint::Nullable);
            if about_type && sample.side == ConstraintSide::Outside {
                continue;
            }
            let validity =
                if sample.side == ConstraintSide::Inside { TextValidity::Valid } else { TextValidity::Invalid };
            let Some(text) = as_text(&sample.value) else { continue };
            if !texts.iter().any(|known| known.text == text && known.facet == sample.facet) {
                texts.push(Text { text, validity, facet: sample.facet.clone(), label: sample.label.clone() });
            }
        }
        texts
    }

    /// The text of a value in a parameter; `None` for null, lists and objects.
    pub fn as_text(value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

fn plain(text: &str, validity: TextValidity, constraint: Constraint, label: &str) -> Text {
    Text { text: text.to_owned(), validity, facet: Facet { place: String::new(), constraint }, label: label.to_owned() }
}

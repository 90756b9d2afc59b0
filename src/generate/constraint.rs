//! The things that a schema can ask of a value, one name for each.

use serde::{Deserialize, Serialize};

/// One thing that a schema asks of a value. Named as the keyword of OpenAPI that asks for it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Constraint {
    /// The JSON type.
    Type,
    /// Whether null is a value.
    Nullable,
    /// Whether the property may be left out.
    Required,
    /// The list of values.
    Enum,
    /// The least number, included or not.
    Minimum,
    /// The greatest number, included or not.
    Maximum,
    /// The number that divides every value.
    MultipleOf,
    /// The format: the range of `int16` and its like, the form of `date-time` and its like.
    Format,
    /// The least number of characters.
    MinLength,
    /// The greatest number of characters.
    MaxLength,
    /// The regular expression.
    Pattern,
    /// The least number of entries.
    MinItems,
    /// The greatest number of entries.
    MaxItems,
    /// Whether an entry may be repeated.
    UniqueItems,
    /// The least number of properties.
    MinProperties,
    /// The greatest number of properties.
    MaxProperties,
    /// Whether properties may be sent that are not named.
    AdditionalProperties,
    /// `oneOf` and `anyOf`: one of several schemas must hold.
    Alternatives,
    /// `not`: a schema that must not hold. No value is made that breaks it.
    Not,
}

impl Constraint {
    /// Its keyword in OpenAPI; `oneOf` for alternatives of either kind.
    pub const fn keyword(self) -> &'static str {
        match self {
            Constraint::Type => "type",
            Constraint::Nullable => "nullable",
            Constraint::Required => "required",
            Constraint::Enum => "enum",
            Constraint::Minimum => "minimum",
            Constraint::Maximum => "maximum",
            Constraint::MultipleOf => "multipleOf",
            Constraint::Format => "format",
            Constraint::MinLength => "minLength",
            Constraint::MaxLength => "maxLength",
            Constraint::Pattern => "pattern",
            Constraint::MinItems => "minItems",
            Constraint::MaxItems => "maxItems",
            Constraint::UniqueItems => "uniqueItems",
            Constraint::MinProperties => "minProperties",
            Constraint::MaxProperties => "maxProperties",
            Constraint::AdditionalProperties => "additionalProperties",
            Constraint::Alternatives => "oneOf",
            Constraint::Not => "not",
        }
    }

    /// Whether the validator says that this was broken when it names `keyword`.
    pub(super) fn is_told_as(self, keyword: &str) -> bool {
        match self {
            Constraint::Nullable => keyword == "type",
            // The range of an integer format is reported as a bound.
            Constraint::Format => matches!(keyword, "format" | "minimum" | "maximum"),
            Constraint::Minimum => matches!(keyword, "minimum" | "exclusiveMinimum"),
            Constraint::Maximum => matches!(keyword, "maximum" | "exclusiveMaximum"),
            // Of alternatives that all fail, the errors of the nearest are reported.
            Constraint::Alternatives => true,
            _ => keyword == self.keyword(),
        }
    }
}

impl std::fmt::Display for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.keyword())
    }
}

/// On which side of a constraint a value is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// It keeps the constraint, mostly just so.
    Inside,
    /// It breaks the constraint, and nothing else where that can be.
    Outside,
}

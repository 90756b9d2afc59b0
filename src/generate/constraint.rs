//! The constraints that a schema can have.

use serde::{Deserialize, Serialize};

/// One constraint of a schema, named after its OpenAPI keyword.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Constraint {
    /// The JSON type.
    Type,
    /// Whether null is allowed.
    Nullable,
    /// Whether the property must be present.
    Required,
    /// The list of allowed values.
    Enum,
    /// The minimum, inclusive or exclusive.
    Minimum,
    /// The maximum, inclusive or exclusive.
    Maximum,
    /// The number of which every value is a multiple.
    MultipleOf,
    /// The format: a range such as `int16`, or a syntax such as `date-time`.
    Format,
    /// The minimum number of characters.
    MinLength,
    /// The maximum number of characters.
    MaxLength,
    /// The regular expression.
    Pattern,
    /// The minimum number of entries.
    MinItems,
    /// The maximum number of entries.
    MaxItems,
    /// Whether all entries must differ.
    UniqueItems,
    /// The minimum number of properties.
    MinProperties,
    /// The maximum number of properties.
    MaxProperties,
    /// Whether undocumented properties are allowed.
    AdditionalProperties,
    /// `oneOf` and `anyOf`: one of several schemas must be valid.
    Alternatives,
    /// `not`: a schema that must not be valid. No value is generated that violates it.
    Not,
}

impl Constraint {
    /// The OpenAPI keyword; `oneOf` for both kinds of alternatives.
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

    /// Whether the validator reports a violation of this constraint as `keyword`.
    pub(super) fn is_reported_as(self, keyword: &str) -> bool {
        match self {
            // An enum may leave out null, also beside `nullable`.
            Constraint::Nullable => matches!(keyword, "type" | "enum"),
            // The range of an integer format is reported as a bound.
            Constraint::Format => matches!(keyword, "format" | "minimum" | "maximum"),
            Constraint::Minimum => matches!(keyword, "minimum" | "exclusiveMinimum"),
            Constraint::Maximum => matches!(keyword, "maximum" | "exclusiveMaximum"),
            // If all alternatives fail, the errors of the nearest are reported.
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

/// Whether a value respects or violates a constraint.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConstraintSide {
    /// It respects the constraint, usually at its limit.
    Inside,
    /// It violates the constraint, and if possible no other.
    Outside,
}

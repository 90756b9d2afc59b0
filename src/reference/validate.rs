//! The syntax of ids, limits and bodies. Does not know the stored offerings.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::call::Operation;
use super::config::Config;
use super::project::{self, Catalogue};
use super::server_response::{ApiError, Detail};

pub(super) const OFFERING_ID_MAX: usize = 64;
const PRODUCT_ID_MAX: usize = 255;
const PRODUCTS_MAX: usize = 100;
const LIMIT_MAX: usize = 100;
pub(super) const LIMIT_DEFAULT: usize = 20;

/// Members that only the server sets.
pub(super) const READONLY: [&str; 4] = ["object", "url", "created_at", "updated_at"];

/// `tag` of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Absent,
    Null,
    Value(i16),
}

/// A body of create with correct syntax.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) tag: Tag,
    pub(super) product_ids: Vec<String>,
}

/// A body of update with correct syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) tag: Tag,
    /// `None` when the body has no `product_ids`.
    pub(super) product_ids: Option<Vec<String>>,
    /// The `id` as sent, which a correct server ignores.
    pub(super) id: Option<String>,
}

/// Rules for the id of a new offering.
#[derive(Debug, Clone)]
pub(super) struct IdRules {
    /// Reads the id of the body; `None` if there is none.
    pub(super) read: fn(Option<&Value>) -> Option<String>,
    /// Changes it before validation.
    pub(super) clean: fn(&str) -> String,
    /// Fewest characters.
    pub(super) min: usize,
    /// Most characters.
    pub(super) max: usize,
    /// Allowed characters.
    pub(super) admits: fn(char) -> bool,
    /// Further conditions.
    pub(super) passes: fn(&str) -> bool,
}

impl Default for IdRules {
    fn default() -> Self {
        Self {
            read: new_id,
            clean: str::to_owned,
            min: 1,
            max: OFFERING_ID_MAX,
            admits: is_identifier_char,
            passes: |_| true,
        }
    }
}

/// Rules for a body of create or update.
#[derive(Debug, Clone)]
pub(super) struct BodyRules {
    /// Repairs malformed JSON; `None` rejects it.
    pub(super) repair: fn(&str) -> Option<Value>,
    /// Changes a body before validation.
    pub(super) unwrap: fn(Value) -> Value,
    /// Reads `product_ids` as a list; `None` if it is not one.
    pub(super) list: fn(&Value) -> Option<Vec<Value>>,
    /// Most entries of a list.
    pub(super) products_max: usize,
    /// How many entries are stored.
    pub(super) products_stored: usize,
    /// Most characters of a product id.
    pub(super) product_id_max: usize,
    /// Whether entries that are not strings are dropped.
    pub(super) drops_non_strings: bool,
    /// Whether entries outside the charset are dropped.
    pub(super) drops_malformed: bool,
    /// The products to store of a list; `None` if one of them is unknown.
    pub(super) resolve: fn(&Catalogue, &[String]) -> Option<Vec<String>>,
}

impl Default for BodyRules {
    fn default() -> Self {
        Self {
            repair: |_| None,
            unwrap: |body| body,
            list,
            products_max: PRODUCTS_MAX,
            products_stored: usize::MAX,
            product_id_max: PRODUCT_ID_MAX,
            drops_non_strings: false,
            drops_malformed: false,
            resolve: project::registered,
        }
    }
}

/// What happens to a repeated product id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    Stored,
    Merged,
    Rejected,
}

/// The syntax rules of a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Syntax<'a> {
    pub(super) config: &'a Config,
}

/// 400 for `tag` 1 in a body.
pub(super) fn main_directly() -> ApiError {
    ApiError::field("cannot_set_main_directly", "tag", "Use POST /v4/offerings/{offering_id}/set-main to promote.")
}

impl Syntax<'_> {
    /// A cursor.
    pub(super) fn cursor(self, after: &str) -> Result<(), Detail> {
        if (self.config.cursor)(after) { Ok(()) } else { Err(malformed_id("starting_after")) }
    }

    /// The page size of the query.
    pub(super) fn limit(self, given: Option<&str>) -> Result<usize, Detail> {
        let wrong = || Detail::new("limit", format!("must be an integer between 1 and {LIMIT_MAX}"));
        given.map_or(Ok(self.config.default_limit), |given| (self.config.limit)(given).ok_or_else(wrong))
    }

    /// Validates the body of create.
    pub(super) fn draft(self, body: &Value) -> Result<Draft, ApiError> {
        let body = self.object(Operation::Create, body)?;
        let mut wrong = Vec::new();
        let id = self.id(body.get("id")).map_err(|detail| wrong.push(detail)).unwrap_or_default();
        let tag = (self.config.create_tag)(body.get("tag")).unwrap_or_else(|| {
            wrong.push(Detail::new("tag", "must be 0 or null"));
            Tag::Absent
        });
        let product_ids = self.products(Operation::Create, body, &mut wrong).unwrap_or_default();
        if !wrong.is_empty() {
            return Err(ApiError::invalid(wrong));
        }
        if tag == Tag::Value(1) {
            return Err(main_directly());
        }
        let product_ids = self.well_formed(Operation::Create, product_ids)?;
        Ok(Draft { id, tag, product_ids })
    }

    /// Validates the body of update. The meaning of `tag` depends on the offering, so any int16 passes here.
    pub(super) fn change(self, body: &Value) -> Result<Change, ApiError> {
        let body = self.object(Operation::Update, body)?;
        let mut wrong = Vec::new();
        let tag = (self.config.update_tag)(body.get("tag")).unwrap_or_else(|| {
            wrong.push(Detail::new("tag", "must be an integer or null"));
            Tag::Absent
        });
        let product_ids = self.products(Operation::Update, body, &mut wrong);
        if !wrong.is_empty() {
            return Err(ApiError::invalid(wrong));
        }
        let product_ids = product_ids.map(|ids| self.well_formed(Operation::Update, ids)).transpose()?;
        let id = body.get("id").and_then(Value::as_str).filter(|id| is_identifier(id, OFFERING_ID_MAX));
        Ok(Change { tag, product_ids, id: id.map(str::to_owned) })
    }

    fn object(self, operation: Operation, body: &Value) -> Result<&Map<String, Value>, ApiError> {
        let body = body.as_object().ok_or_else(|| ApiError::malformed("The body must be a JSON object."))?;
        match self.config.body_checks.iter().find_map(|check| check(operation, body)) {
            Some(message) => Err(ApiError::malformed(message)),
            None => Ok(body),
        }
    }

    /// The id of a new offering.
    fn id(self, given: Option<&Value>) -> Result<String, Detail> {
        let rules = &self.config.id;
        let id = (rules.read)(given).ok_or_else(|| Detail::new("id", "must be a string"))?;
        let id = (rules.clean)(&id);
        let passes = (rules.min..=rules.max).contains(&id.chars().count())
            && id.chars().all(rules.admits)
            && (rules.passes)(&id);
        if passes { Ok(id) } else { Err(malformed_id("id")) }
    }

    /// The strings of `product_ids`, if the body has it.
    fn products(self, operation: Operation, body: &Map<String, Value>, wrong: &mut Vec<Detail>) -> Option<Vec<String>> {
        let rules = self.config.body(operation);
        let Some(list) = (rules.list)(body.get("product_ids")?) else {
            wrong.push(Detail::new("product_ids", "must be an array"));
            return None;
        };
        if list.len() > rules.products_max {
            wrong.push(Detail::new("product_ids", format!("must have at most {PRODUCTS_MAX} entries")));
        }
        let ids: Vec<_> = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if ids.len() < list.len() && !rules.drops_non_strings {
            wrong.push(Detail::new("product_ids", "must hold strings only"));
        }
        Some(ids.into_iter().take(rules.products_stored).collect())
    }

    /// The ids of a list, each well-formed; repeats according to the config.
    fn well_formed(self, operation: Operation, mut ids: Vec<String>) -> Result<Vec<String>, ApiError> {
        let rules = self.config.body(operation);
        if rules.drops_malformed {
            ids.retain(|id| is_identifier(id, usize::MAX));
        }
        if !ids.iter().all(|id| is_identifier(id, rules.product_id_max)) {
            let message = format!(
                "Each entry must be 1 to {PRODUCT_ID_MAX} characters of a-z, A-Z, 0-9, `.`, `_`, `:`, `-` and space."
            );
            return Err(ApiError::field("invalid_product_id", "product_ids", message));
        }
        let mut seen = HashSet::new();
        let once: Vec<_> = ids.iter().filter(|id| seen.insert(*id)).cloned().collect();
        match self.config.repeats {
            Repeats::Rejected if once.len() < ids.len() => {
                Err(ApiError::field("invalid_data", "product_ids", "must not name a product twice"))
            }
            Repeats::Merged => Ok(once),
            Repeats::Stored | Repeats::Rejected => Ok(ids),
        }
    }
}

/// An offering id in a path.
pub(super) fn offering_id(id: &str) -> Result<(), ApiError> {
    let wrong = || ApiError::invalid(vec![malformed_id("offering_id")]);
    if is_identifier(id, OFFERING_ID_MAX) { Ok(()) } else { Err(wrong()) }
}

fn malformed_id(field: &'static str) -> Detail {
    Detail::new(
        field,
        format!("must be 1 to {OFFERING_ID_MAX} characters of a-z, A-Z, 0-9, `.`, `_`, `:`, `-` and space"),
    )
}

/// Parses a page size.
pub(super) fn limit(text: &str) -> Option<usize> {
    text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit))
}

/// The id of a new offering.
pub(super) fn new_id(given: Option<&Value>) -> Option<String> {
    given.and_then(Value::as_str).map(str::to_owned)
}

/// The tag of a new offering; 1 passes here, as it has its own error code.
pub(super) fn create_tag(given: Option<&Value>) -> Option<Tag> {
    update_tag(given).filter(|tag| matches!(tag, Tag::Absent | Tag::Null | Tag::Value(0 | 1)))
}

/// The tag of an update: any int16 or null.
pub(super) fn update_tag(given: Option<&Value>) -> Option<Tag> {
    match given {
        None => Some(Tag::Absent),
        Some(Value::Null) => Some(Tag::Null),
        Some(value) => integer(value).map(Tag::Value),
    }
}

/// A list of products.
pub(super) fn list(given: &Value) -> Option<Vec<Value>> {
    given.as_array().cloned()
}

/// Whether a member of a body is documented.
pub(super) fn is_documented(name: &str) -> bool {
    let written = matches!(name, "id" | "tag" | "product_ids");
    written || READONLY.contains(&name)
}

/// An int16; 1.0 is an integer, as in JSON Schema.
pub(super) fn integer(value: &Value) -> Option<i16> {
    let number = value.as_f64()?;
    let inside = number.fract() == 0.0 && (f64::from(i16::MIN)..=f64::from(i16::MAX)).contains(&number);
    inside.then_some(number as i16)
}

pub(super) fn is_identifier(text: &str, max: usize) -> bool {
    !text.is_empty() && text.len() <= max && text.chars().all(is_identifier_char)
}

pub(super) fn is_identifier_char(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "._:- ".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn correct() -> Syntax<'static> {
        Syntax { config: Box::leak(Box::default()) }
    }

    #[test]
    fn ids_are_one_to_sixty_four_characters_of_the_set() {
        for good in ["a", "a b", "A:b.c_d-9", " ", &"x".repeat(64)] {
            assert_eq!(offering_id(good), Ok(()), "{good:?}");
        }
        for bad in ["", &"x".repeat(65), "a/b", "a\n", "é", "a\0", "a+b"] {
            assert!(offering_id(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn limits_are_whole_numbers_from_one_to_a_hundred() {
        assert_eq!(correct().limit(None), Ok(20));
        assert_eq!(correct().limit(Some("1")), Ok(1));
        assert_eq!(correct().limit(Some("100")), Ok(100));
        for bad in ["0", "101", "-1", "abc", "1.5", "", " 1", "99999999999999999999999"] {
            assert!(correct().limit(Some(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_draft_accepts_only_tag_zero_and_null() {
        let code = |tag: Value| {
            correct().draft(&json!({ "id": "a", "tag": tag })).map(|draft| draft.tag).map_err(|no| no.code)
        };
        assert_eq!(code(json!(0)), Ok(Tag::Value(0)));
        assert_eq!(code(json!(null)), Ok(Tag::Null));
        assert_eq!(code(json!(1)), Err("cannot_set_main_directly"));
        for bad in [json!(2), json!(-1), json!(1.5), json!("0"), json!(true), json!(40000), json!([])] {
            assert_eq!(code(bad.clone()), Err("invalid_data"), "{bad}");
        }
    }

    #[test]
    fn product_lists_have_at_most_a_hundred_well_formed_ids() {
        let code = |list: Value| correct().change(&json!({ "product_ids": list })).map(|_| ()).map_err(|no| no.code);
        assert_eq!(code(json!(vec!["p"; 100])), Ok(()));
        assert_eq!(code(json!(vec!["p"; 101])), Err("invalid_data"));
        assert_eq!(code(json!("p")), Err("invalid_data"));
        assert_eq!(code(json!([1])), Err("invalid_data"));
        assert_eq!(code(json!(["p/q"])), Err("invalid_product_id"));
        assert_eq!(code(json!(["p".repeat(256)])), Err("invalid_product_id"));
    }
}

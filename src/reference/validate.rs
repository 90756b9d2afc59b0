//! The syntax of everything a client sends: ids, limits, bodies. Knows nothing of what the store holds.

use serde_json::{Map, Value};

use super::answer::{Detail, Refusal};

const OFFERING_ID_MAX: usize = 64;
const PRODUCT_ID_MAX: usize = 255;
const PRODUCTS_MAX: usize = 100;
const LIMIT_MAX: usize = 100;
const LIMIT_DEFAULT: usize = 20;

/// What a body says about `tag`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Absent,
    Null,
    Value(i16),
}

/// A body of create whose syntax is right.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) tag: Tag,
    pub(super) product_ids: Vec<String>,
}

/// A body of update whose syntax is right.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) tag: Tag,
    /// `None` when the body leaves the products alone.
    pub(super) product_ids: Option<Vec<String>>,
}

/// Whether `id` can be an offering's.
pub(super) fn offering_id(field: &'static str, id: &str) -> Result<(), Detail> {
    if is_identifier(id, OFFERING_ID_MAX) {
        return Ok(());
    }
    Err(Detail::new(
        field,
        format!(
            "must be 1 to {OFFERING_ID_MAX} characters of a-z, A-Z, 0-9, `.`, `_`, `:`, `-` and space"
        ),
    ))
}

/// The page size that the query asks for.
pub(super) fn limit(given: Option<&str>) -> Result<usize, Detail> {
    let Some(given) = given else {
        return Ok(LIMIT_DEFAULT);
    };
    let wrong = || {
        Detail::new(
            "limit",
            format!("must be an integer between 1 and {LIMIT_MAX}"),
        )
    };
    let limit = given.parse().map_err(|_| wrong())?;
    if (1..=LIMIT_MAX).contains(&limit) {
        Ok(limit)
    } else {
        Err(wrong())
    }
}

/// Judges the body of create.
pub(super) fn draft(body: &Value) -> Result<Draft, Refusal> {
    let body = object(body)?;
    let mut wrong = Vec::new();
    let id = match body.get("id") {
        Some(Value::String(id)) => {
            wrong.extend(offering_id("id", id).err());
            id.as_str()
        }
        _ => {
            wrong.push(Detail::new("id", "must be a string"));
            ""
        }
    };
    let tag = tag(body, &mut wrong);
    if !matches!(tag, Tag::Absent | Tag::Null | Tag::Value(0 | 1)) {
        wrong.push(Detail::new("tag", "must be 0 or null"));
    }
    let product_ids = products(body, &mut wrong);
    if !wrong.is_empty() {
        return Err(Refusal::invalid(wrong));
    }
    if tag == Tag::Value(1) {
        return Err(main_directly());
    }
    let product_ids = product_ids.unwrap_or_default();
    product_ids_well_formed(&product_ids)?;
    Ok(Draft {
        id: id.to_owned(),
        tag,
        product_ids,
    })
}

/// Judges the body of update. What `tag` means depends on the offering, so any int16 passes here.
pub(super) fn change(body: &Value) -> Result<Change, Refusal> {
    let body = object(body)?;
    let mut wrong = Vec::new();
    let tag = tag(body, &mut wrong);
    let product_ids = products(body, &mut wrong);
    if !wrong.is_empty() {
        return Err(Refusal::invalid(wrong));
    }
    product_ids_well_formed(product_ids.as_deref().unwrap_or_default())?;
    Ok(Change { tag, product_ids })
}

/// 400 for `tag` 1 in a body.
pub(super) fn main_directly() -> Refusal {
    Refusal::field(
        "cannot_set_main_directly",
        "tag",
        "Use POST /v4/offerings/{offering_id}/set-main to promote.",
    )
}

fn object(body: &Value) -> Result<&Map<String, Value>, Refusal> {
    body.as_object()
        .ok_or_else(|| Refusal::malformed("The body must be a JSON object."))
}

fn tag(body: &Map<String, Value>, wrong: &mut Vec<Detail>) -> Tag {
    match body.get("tag") {
        None => Tag::Absent,
        Some(Value::Null) => Tag::Null,
        Some(value) => integer(value).map_or_else(
            || {
                wrong.push(Detail::new("tag", "must be an integer or null"));
                Tag::Absent
            },
            Tag::Value,
        ),
    }
}

/// An int16; 1.0 is an integer too, as JSON Schema has it.
fn integer(value: &Value) -> Option<i16> {
    let number = value.as_f64()?;
    let inside =
        number.fract() == 0.0 && (f64::from(i16::MIN)..=f64::from(i16::MAX)).contains(&number);
    inside.then_some(number as i16)
}

fn products(body: &Map<String, Value>, wrong: &mut Vec<Detail>) -> Option<Vec<String>> {
    let list = body.get("product_ids")?;
    let Some(list) = list.as_array() else {
        wrong.push(Detail::new("product_ids", "must be an array"));
        return None;
    };
    if list.len() > PRODUCTS_MAX {
        wrong.push(Detail::new(
            "product_ids",
            format!("must have at most {PRODUCTS_MAX} entries"),
        ));
    }
    let ids: Vec<_> = list
        .iter()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    if ids.len() < list.len() {
        wrong.push(Detail::new("product_ids", "must hold strings only"));
    }
    Some(ids)
}

fn product_ids_well_formed(ids: &[String]) -> Result<(), Refusal> {
    if ids.iter().all(|id| is_identifier(id, PRODUCT_ID_MAX)) {
        return Ok(());
    }
    let message = format!(
        "Each entry must be 1 to {PRODUCT_ID_MAX} characters of a-z, A-Z, 0-9, `.`, `_`, `:`, `-` and space."
    );
    Err(Refusal::field("invalid_product_id", "product_ids", message))
}

fn is_identifier(text: &str, max: usize) -> bool {
    !text.is_empty() && text.len() <= max && text.bytes().all(is_identifier_byte)
}

fn is_identifier_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._:- ".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_are_one_to_sixty_four_characters_of_the_set() {
        for good in ["a", "a b", "A:b.c_d-9", " ", &"x".repeat(64)] {
            assert_eq!(offering_id("id", good), Ok(()), "{good:?}");
        }
        for bad in ["", &"x".repeat(65), "a/b", "a\n", "é", "a\0", "a+b"] {
            assert!(offering_id("id", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn limits_are_whole_numbers_from_one_to_a_hundred() {
        assert_eq!(limit(None), Ok(20));
        assert_eq!(limit(Some("1")), Ok(1));
        assert_eq!(limit(Some("100")), Ok(100));
        for bad in [
            "0",
            "101",
            "-1",
            "abc",
            "1.5",
            "",
            " 1",
            "99999999999999999999999",
        ] {
            assert!(limit(Some(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_draft_takes_no_tag_but_zero_and_null() {
        let code = |tag: Value| {
            draft(&json!({ "id": "a", "tag": tag }))
                .map(|draft| draft.tag)
                .map_err(|no| no.code)
        };
        assert_eq!(code(json!(0)), Ok(Tag::Value(0)));
        assert_eq!(code(json!(null)), Ok(Tag::Null));
        assert_eq!(code(json!(1)), Err("cannot_set_main_directly"));
        for bad in [
            json!(2),
            json!(-1),
            json!(1.5),
            json!("0"),
            json!(true),
            json!(40000),
            json!([]),
        ] {
            assert_eq!(code(bad.clone()), Err("invalid_data"), "{bad}");
        }
    }

    #[test]
    fn product_lists_hold_at_most_a_hundred_well_formed_ids() {
        let code = |list: Value| {
            change(&json!({ "product_ids": list }))
                .map(|_| ())
                .map_err(|no| no.code)
        };
        assert_eq!(code(json!(vec!["p"; 100])), Ok(()));
        assert_eq!(code(json!(vec!["p"; 101])), Err("invalid_data"));
        assert_eq!(code(json!("p")), Err("invalid_data"));
        assert_eq!(code(json!([1])), Err("invalid_data"));
        assert_eq!(code(json!(["p/q"])), Err("invalid_product_id"));
        assert_eq!(code(json!(["p".repeat(256)])), Err("invalid_product_id"));
    }
}

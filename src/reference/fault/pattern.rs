//! Pattern faults: ids used as patterns, or not decoded exactly once.

use super::{Fault, faults};
use crate::reference::call::Operation::{Create, Delete, Get, List, SetMain, Update};
use crate::reference::config::decoded;

faults! {
    Pattern from super::race::FIRST + super::race::ROWS.len();
    GET_ID_LIKE "get-id-like"
        "For GET, an underscore in an id matches any character."
        => |config| config.names[Get as usize] = like;
    UPDATE_ID_LIKE "update-id-like"
        "For PATCH, an underscore in an id matches any character; all matches are written."
        => |config| {
            config.names[Update as usize] = like;
            config.done(Update, |step| step.update_all(like));
        };
    DELETE_ID_LIKE "delete-id-like"
        "For DELETE, an underscore in an id matches any character; all matches are removed."
        => |config| {
            config.names[Delete as usize] = like;
            config.done(Delete, |step| step.delete_all(like));
        };
    SET_MAIN_ID_LIKE "set-main-id-like"
        "For set-main, an underscore in an id matches any character; the first match is promoted."
        => |config| config.names[SetMain as usize] = like;
    CURSOR_LIKE "cursor-like"
        "An underscore in a cursor matches any character."
        => |config| config.names[List as usize] = like;
    GET_ID_WITH_PERCENT "get-id-with-percent"
        "For GET, a percent sign in an id matches any text."
        => |config| {
            config.names[Get as usize] = like;
            config.wildcards[Get as usize] = "%";
        };
    GET_ID_AS_REGEX "get-id-as-regex"
        "For GET, a dot in an id matches any character."
        => |config| config.names[Get as usize] = regex;
    SET_MAIN_ID_AS_REGEX "set-main-id-as-regex"
        "For set-main, a dot in an id matches any character; the first match is promoted."
        => |config| config.names[SetMain as usize] = regex;
    DELETE_ID_AS_GLOB "delete-id-as-glob"
        "For DELETE, a star in an id matches any text and a question mark any character; all matches are removed."
        => |config| {
            config.names[Delete as usize] = glob;
            config.wildcards[Delete as usize] = "*?";
            config.done(Delete, |step| step.delete_all(glob));
        };
    CURSOR_AS_GLOB "cursor-as-glob"
        "In a cursor, a star matches any text and a question mark any character."
        => |config| {
            config.names[List as usize] = glob;
            config.wildcards[List as usize] = "*?";
        };
    GET_ID_OF_ANY_CASE "get-id-of-any-case"
        "For GET, ids are case-insensitive."
        => |config| config.names[Get as usize] = any_case;
    DELETE_ID_OF_ANY_CASE "delete-id-of-any-case"
        "DELETE removes all offerings whose ids differ only in case."
        => |config| {
            config.names[Delete as usize] = any_case;
            config.done(Delete, |step| step.delete_all(any_case));
        };
    SET_MAIN_ID_OF_ANY_CASE "set-main-id-of-any-case"
        "Set-main promotes the first offering whose id differs only in case."
        => |config| config.names[SetMain as usize] = any_case;
    GET_BY_PREFIX "get-by-prefix"
        "GET finds the first offering whose id starts with the given one."
        => |config| config.names[Get as usize] = |stored, given| stored.starts_with(given);
    UPDATE_BY_PREFIX "update-by-prefix"
        "PATCH writes every offering whose id starts with the given one."
        => |config| {
            config.names[Update as usize] = |stored, given| stored.starts_with(given);
            config.done(Update, |step| step.update_all(|stored, given| stored.starts_with(given)));
        };
    CURSOR_BY_PREFIX "cursor-by-prefix"
        "A cursor selects the first offering whose id starts with it."
        => |config| config.names[List as usize] = |stored, given| stored.starts_with(given);
    GET_ID_TRIMMED "get-id-trimmed"
        "GET ignores spaces at the end of an id."
        => |config| config.names[Get as usize] = trimmed;
    SET_MAIN_ID_TRIMMED "set-main-id-trimmed"
        "Set-main ignores spaces at the end of an id."
        => |config| config.names[SetMain as usize] = trimmed;
    DUPLICATE_TRIMMED "duplicate-trimmed"
        "POST ignores spaces at the end of an id when it checks for a duplicate."
        => |config| config.names[Create as usize] = trimmed;
    ID_DECODED_TWICE "id-decoded-twice"
        "An id in a path is percent-decoded twice."
        => |config| config.decode_id = |text| decoded(&decoded(text)?);
    ID_PLUS_AS_SPACE "id-plus-as-space"
        "A plus sign in a path is decoded to a space."
        => |config| config.decode_id = |text| decoded(&text.replace('+', " "));
    CURSOR_DECODED_TWICE "cursor-decoded-twice"
        "A cursor is percent-decoded twice."
        => |config| config.decode_value = |text| decoded(&decoded(text)?);
    CURSOR_PLUS_AS_SPACE "cursor-plus-as-space"
        "A plus sign in a cursor is decoded to a space."
        => |config| config.decode_value = |text| decoded(&text.replace('+', " "));
}

/// Like SQL `LIKE`: `_` matches any character, `%` any text.
fn like(stored: &str, given: &str) -> bool {
    wild(stored.as_bytes(), given.as_bytes(), b'_', Some(b'%'))
}

/// As a regular expression whose only operator is the dot.
fn regex(stored: &str, given: &str) -> bool {
    wild(stored.as_bytes(), given.as_bytes(), b'.', None)
}

/// Like a shell glob.
fn glob(stored: &str, given: &str) -> bool {
    wild(stored.as_bytes(), given.as_bytes(), b'?', Some(b'*'))
}

fn any_case(stored: &str, given: &str) -> bool {
    stored.eq_ignore_ascii_case(given)
}

fn trimmed(stored: &str, given: &str) -> bool {
    stored.trim_end_matches(' ') == given.trim_end_matches(' ')
}

/// Whether a text matches a pattern: `one` matches any byte, `many` any number of bytes.
fn wild(text: &[u8], pattern: &[u8], one: u8, many: Option<u8>) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return text.is_empty() };
    if Some(*first) == many {
        return (0..=text.len()).any(|skipped| wild(&text[skipped..], rest, one, many));
    }
    text.split_first().is_some_and(|(head, tail)| (head == first || *first == one) && wild(tail, rest, one, many))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_finds_its_neighbours_and_nothing_else() {
        assert!(like("axb", "a_b") && like("a_b", "a_b") && like("anything", "a%") && !like("axxb", "a_b"));
        assert!(regex("axb", "a.b") && !regex("a_b", "a_c") && !regex("axbc", "a.b"));
        assert!(glob("winback", "win*") && glob("a-b", "a?b") && !glob("winback", "*x"));
        assert!(trimmed("a", "a  ") && !trimmed(" a", "a"));
    }
}

//! What stands in front of an API: proxies and firewalls that reject requests which never reach it.
//!
//! Their responses are no verdict on the API. Here stands which requests they may reject, whatever the contract says.

use super::call::{Call, Form};

/// Whether an id or a cursor (over 100 characters) or a body (over 64 KiB) is so large that a 413, 414 or 431 is as right
/// as a 400.
pub(super) fn is_oversized(call: &Call) -> bool {
    let is_long = |text: &str| text.chars().count() > 100;
    is_long(&call.id) || call.after.as_deref().is_some_and(is_long) || call.body.text.len() > 64 * 1024
}

/// Words of SQL that a firewall looks for; an id may hold each of them.
const SQL_WORDS: [&str; 8] = ["select ", "insert ", "update ", "delete ", "drop ", "union ", " or ", " and "];

/// Whether something in front of an API may reject a request for what it holds: control characters, markup, SQL.
pub(super) fn is_hostile(call: &Call) -> bool {
    let is_odd = |letter: char| letter.is_control() || "<>'\"&;|`$()".contains(letter) || !letter.is_ascii();
    let is_sql = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("--") || SQL_WORDS.iter().any(|word| text.contains(word))
    };
    let is_hostile = |text: &str| text.contains(is_odd) || is_sql(text);
    call.form == Form::Unusual
        || is_hostile(&call.id)
        || call.after.as_deref().is_some_and(is_hostile)
        || call.body.text.contains("\\u0000")
        || call.products().is_some_and(|ids| ids.iter().any(|id| is_hostile(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Endpoint;
    use crate::exchange::Request;

    #[test]
    fn what_looks_like_an_attack_or_is_far_too_large_is_recognised() {
        let get = |id: &str| Call::read(&Request::to(Endpoint::Get).id(id)).expect("one of the six operations");
        for id in ["a--b", "drop it", "DROP it", "a<b", "a\nb", "this or that"] {
            assert!(is_hostile(&get(id)), "{id}");
        }
        assert!(!is_hostile(&get("qf-abcd-a b:c.d_e")) && !is_hostile(&get("order")));
        assert!(is_oversized(&get(&"x".repeat(101))) && !is_oversized(&get(&"x".repeat(100))));
    }
}

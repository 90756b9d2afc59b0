//! Requests that a proxy or firewall in front of the API may reject, whatever the contract says.

use super::call::{Call, Form};

/// Whether a 413, 414 or 431 is as valid as a 400: an id or cursor over 100 characters, or a body over 64 KiB.
pub(super) fn is_oversized(call: &Call) -> bool {
    let is_long = |text: &str| text.chars().count() > 100;
    is_long(&call.id) || call.after.as_deref().is_some_and(is_long) || call.body.text.len() > 64 * 1024
}

/// SQL keywords that firewalls search for. An id may contain each of them.
const SQL_WORDS: [&str; 8] = ["select ", "insert ", "update ", "delete ", "drop ", "union ", " or ", " and "];

/// Whether a firewall may reject a request for its contents: control characters, markup, SQL.
pub(super) fn may_be_blocked(call: &Call) -> bool {
    let is_special = |letter: char| letter.is_control() || "<>'\"&;|`$()".contains(letter) || !letter.is_ascii();
    let has_sql = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("--") || SQL_WORDS.iter().any(|word| text.contains(word))
    };
    let is_suspicious = |text: &str| text.contains(is_special) || has_sql(text);
    call.form == Form::Unusual
        || is_suspicious(&call.id)
        || call.after.as_deref().is_some_and(is_suspicious)
        || call.body.text.contains("\\u0000")
        || call.products().is_some_and(|ids| ids.iter().any(|id| is_suspicious(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Endpoint;
    use crate::exchange::Request;

    #[test]
    fn suspicious_and_oversized_requests_are_recognised() {
        let get = |id: &str| Call::read(&Request::to(Endpoint::Get).id(id)).expect("one of the six operations");
        for id in ["a--b", "drop it", "DROP it", "a<b", "a\nb", "this or that"] {
            assert!(may_be_blocked(&get(id)), "{id}");
        }
        assert!(!may_be_blocked(&get("qf-abcd-a b:c.d_e")) && !may_be_blocked(&get("order")));
        assert!(is_oversized(&get(&"x".repeat(101))) && !is_oversized(&get(&"x".repeat(100))));
    }
}

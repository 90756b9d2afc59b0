//! Requests that a proxy or firewall in front of the API may reject, although the contract accepts them.

use percent_encoding::percent_decode_str;

use super::call::{Call, Form};
use crate::exchange::{Exchange, OperationRef, Request, Response};

/// Whether a 413, 414 or 431 is as valid as a 400: an id or cursor over 100 characters, or a body over 64 KiB.
pub(super) fn is_oversized(call: &Call) -> bool {
    let is_long = |text: &str| text.chars().count() > 100;
    is_long(&call.id) || call.after.as_deref().is_some_and(is_long) || call.body.text.len() > 64 * 1024
}

/// Whether a response redirects to the same path with or without a slash at its end, as routers do that decode an encoded
/// slash before they compare paths.
fn is_slash_redirect(request: &Request, response: &Response) -> bool {
    let without_slash = |path: &str| {
        let path = path.split('?').next().unwrap_or_default();
        percent_decode_str(path).decode_utf8_lossy().trim_end_matches('/').to_owned()
    };
    response.status == 307
        && response
            .header("location")
            .is_some_and(|location| without_slash(&location).ends_with(&without_slash(&request.path)))
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

/// What rejected a request before it reached the API, for an observation: `rejected by a proxy: nginx, HTML, 400`.
/// `None` if the API rejected it, or if no correct proxy may reject it. `call` is `None` outside the document.
pub(in crate::offerings) fn rejected_in_front(call: Option<&Call>, exchange: &Exchange) -> Option<String> {
    let response = &exchange.response;
    let is_page = response.json().is_none_or(|body| body.get("error").is_none());
    let may_reject = |call: &Call| {
        call.has_unusual_path
            || matches!(response.status, 413 | 414 | 431) && is_oversized(call)
            || response.status == 403 && may_be_blocked(call)
    };
    let is_redirect = call.is_some_and(|call| call.has_unusual_path) && is_slash_redirect(&exchange.request, response);
    let is_outside = exchange.request.operation == OperationRef::None && !response.body().is_empty();
    let is_rejected = response.is_rejection() && is_page && call.map_or(is_outside, may_reject);
    (is_rejected || is_redirect).then(|| {
        let server = response.header("server").unwrap_or_default();
        let name = server.split(['/', ' ']).next().filter(|name| !name.is_empty()).unwrap_or("unnamed");
        format!("rejected by a proxy: {name}, {}, {}", kind_of(response), response.status)
    })
}

fn kind_of(response: &Response) -> &'static str {
    let body = response.body().trim_ascii_start();
    match response.header("content-type") {
        _ if body.is_empty() => "no body",
        Some(declared) if declared.starts_with("text/html") => "HTML",
        _ if body.starts_with(b"<") => "HTML",
        _ if response.json().is_some() => "JSON",
        _ => "text",
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::LOCATION;
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;
    use crate::contract::Endpoint;

    fn exchange(
        request: Request,
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &'static str,
    ) -> Exchange {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let response = Response::new(status, headers, Bytes::from_static(body.as_bytes()));
        let (started, ended) = (std::time::Instant::now(), std::time::Instant::now());
        Exchange { request, response, started, ended }
    }

    #[test]
    fn only_unusual_requests_are_rejected_in_front_of_the_api() {
        let seen = |request: Request, status, headers: &[(&'static str, &'static str)], body| {
            let exchange = exchange(request, status, headers, body);
            rejected_in_front(Call::read(&exchange.request).as_ref(), &exchange)
        };
        let get = |segment: &str| Request::to(Endpoint::Get).raw_id(segment);
        let nginx = [("server", "nginx/1.25.3"), ("content-type", "text/html")];
        let what = seen(get("a%00"), 400, &nginx, "<html>");
        assert_eq!(what.as_deref(), Some("rejected by a proxy: nginx, HTML, 400"));
        assert_eq!(seen(get("a"), 400, &nginx, "<html>"), None);
        assert_eq!(seen(get("a%00"), 400, &[], r#"{"error":{}}"#), None);
        assert_eq!(seen(get("a%00"), 200, &nginx, "<html>"), None);
        let what = seen(get("%3Cb%3E"), 403, &[], "blocked");
        assert_eq!(what.as_deref(), Some("rejected by a proxy: unnamed, text, 403"));
        assert!(seen(get("a%2Fb"), 307, &[("location", "/v4/offerings/a%2Fb/")], "").is_some());
        assert_eq!(seen(get("a%2Fb"), 307, &[("location", "/login")], ""), None);
    }

    #[test]
    fn suspicious_and_oversized_requests_are_recognised() {
        let get = |id: &str| Call::read(&Request::to(Endpoint::Get).id(id)).expect("one of the six operations");
        for id in ["a--b", "drop it", "DROP it", "a<b", "a\nb", "this or that"] {
            assert!(may_be_blocked(&get(id)), "{id}");
        }
        assert!(!may_be_blocked(&get("qf-abcd-a b:c.d_e")) && !may_be_blocked(&get("order")));
        assert!(is_oversized(&get(&"x".repeat(101))) && !is_oversized(&get(&"x".repeat(100))));
    }
    #[test]
    fn a_redirect_to_the_same_path_with_another_slash_is_recognised() {
        let redirects = |status: u16, location: &str| {
            let location = HeaderValue::from_str(location).expect("a header value");
            let response = Response::new(status, HeaderMap::from_iter([(LOCATION, location)]), Bytes::new());
            is_slash_redirect(&Request::new(OperationRef::None, Method::GET, "/offerings/a%20b%2F"), &response)
        };
        assert!(redirects(307, "http://127.0.0.1:1/v4/offerings/a%20b"));
        assert!(!redirects(307, "http://127.0.0.1:1/v4/offerings/b"));
        assert!(!redirects(302, "http://127.0.0.1:1/v4/offerings/a%20b"));
    }
}

//! What a response is that does not come from the API: a page of a proxy, a compressed body, text in another encoding.

use super::Response;

/// The byte order mark of UTF-8. JSON must not begin with one, and a parser may skip it (RFC 8259, section 8.1).
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What the bodies of compressed files begin with.
const COMPRESSED: [(&[u8], &str); 3] =
    [(b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\x04\x22\x4d\x18", "lz4")];

/// The longest name of a server or encoding that is shown, in bytes.
const MAX_NAME: usize = 40;

/// What the body is, if it is certainly not the JSON of an API: "an HTML page of nginx", "compressed with gzip, although
/// the request did not ask for that".
pub(super) fn kind_of(response: &Response) -> Option<String> {
    let body = response.body();
    let encoding =
        response.header("content-encoding").filter(|encoding| !encoding.trim().eq_ignore_ascii_case("identity"));
    let compressed = COMPRESSED.iter().find(|(start, _)| body.starts_with(start)).map(|(_, name)| (*name).to_owned());
    if let Some(name) = compressed.or(encoding.filter(|_| !body.is_empty()).map(|encoding| name(&encoding))) {
        return Some(format!("compressed with {name}, although the request did not ask for that"));
    }
    let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body).trim_ascii_start();
    let starts_with =
        |start: &str| text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start.as_bytes()));
    if text.is_empty() {
        return Some("empty".into());
    }
    if body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff") || matches!(body[..], [0, _, ..] | [_, 0, ..]) {
        return Some("text in UTF-16 or UTF-32 instead of UTF-8".into());
    }
    let is_html =
        response.header("content-type").is_some_and(|declared| declared.trim_start().starts_with("text/html"));
    let what = match text.first() {
        Some(b'<') if is_html || starts_with("<!doctype html") || starts_with("<html") => "an HTML page",
        Some(b'<') => "XML",
        _ => return None,
    };
    Some(format!("{what}{}", of_server(response)))
}

/// ` of nginx`, or an empty text.
fn of_server(response: &Response) -> String {
    let server = response.header("server").unwrap_or_default();
    match name(server.split(['/', ' ']).next().unwrap_or_default()) {
        name if name.is_empty() => String::new(),
        name => format!(" of {name}"),
    }
}

/// The part of a name that can be shown.
fn name(text: &str) -> String {
    text.trim().chars().take_while(char::is_ascii_graphic).take(MAX_NAME).collect()
}

impl Response {
    /// Why the first response of a target is not the API's: a clause about "the target". `None` if it may be the API's.
    ///
    /// 401 and 403 are the API's if they have an error code, and may be its if they are JSON.
    pub fn foreign(&self) -> Option<String> {
        let kind = kind_of(self);
        let is_page = kind.as_ref().is_some_and(|kind| kind.starts_with("an HTML page") || kind.starts_with("XML"));
        let is_denied = matches!(self.status, 401 | 403) && self.json().is_none();
        let body = match &kind {
            Some(kind) if kind.starts_with("compressed") => format!("a body that is {kind}"),
            Some(kind) if kind == "empty" => "an empty body".to_owned(),
            Some(kind) => kind.clone(),
            None => "text that is not JSON".to_owned(),
        };
        match self.status {
            407 => Some(
                "is behind a proxy that requires a user and a password (407): write them in HTTP_PROXY as \
                 http://USER:PASSWORD@HOST:PORT"
                    .into(),
            ),
            401 if self.asks_for("basic") => Some(format!(
                "returns 401 with {body} and asks for Basic authentication, which the API does not use: something in \
                 front of the API rejects the request"
            )),
            status if is_denied => Some(format!(
                "returns {status} with {body} instead of an error of the API: a proxy or firewall in front of it may \
                 reject the request, or it does not know the key"
            )),
            status if is_page => Some(format!("returns {status} with {body} instead of JSON")),
            _ => None,
        }
    }

    fn asks_for(&self, scheme: &str) -> bool {
        self.header("www-authenticate").is_some_and(|value| {
            value.trim_start().to_ascii_lowercase().starts_with(scheme) && self.error_code().is_none()
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn response(status: u16, headers: &[(&'static str, &'static str)], body: &[u8]) -> Response {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
        Response::new(status, headers.collect(), Bytes::copy_from_slice(body))
    }

    #[test]
    fn a_body_that_is_no_json_is_named_for_what_it_is() {
        let html = ("content-type", "text/html; charset=utf-8");
        for (headers, body, said) in [
            (&[][..], &b"\x1f\x8b\x08\x00rest"[..], "compressed with gzip, although the request did not ask for that"),
            (
                &[("content-encoding", "br")],
                b"\x0b\x02\x80",
                "compressed with br, although the request did not ask for that",
            ),
            (&[], b"\x28\xb5\x2f\xfd\x00", "compressed with zstd, although the request did not ask for that"),
            (&[], b"\xff\xfe{\x00}\x00", "text in UTF-16 or UTF-32 instead of UTF-8"),
            (&[], b"\x00{\x00}", "text in UTF-16 or UTF-32 instead of UTF-8"),
            (&[("server", "nginx/1.25.3"), html], b"<html>", "an HTML page of nginx"),
            (&[html], b"\r\n<!DOCTYPE html>", "an HTML page"),
            (&[], b"\xef\xbb\xbf<HTML>", "an HTML page"),
            (&[("server", "AmazonS3")], b"<?xml version=\"1.0\"?><Error/>", "XML of AmazonS3"),
            (&[], b" \r\n", "empty"),
        ] {
            assert_eq!(kind_of(&response(200, headers, body)).as_deref(), Some(said), "{body:?}");
        }
        for (headers, body) in [
            (&[][..], &b"{}"[..]),
            (&[("content-encoding", "identity")], b"[]"),
            (&[html], b"{\"a\":\"<html>\"}"),
            (&[], b"\xef\xbb\xbf{}"),
            (&[], b"hello"),
        ] {
            assert_eq!(kind_of(&response(200, headers, body)), None, "{body:?}");
        }
        assert_eq!(
            kind_of(&response(200, &[("server", "a\tb"), html], b"<html>")).as_deref(),
            Some("an HTML page of a")
        );
    }

    #[test]
    fn only_a_response_of_another_program_is_foreign() {
        let html = &[("content-type", "text/html"), ("server", "nginx")][..];
        let error = br#"{"error":{"type":"request","code":"forbidden","message":"no"}}"#;
        let basic = &[("www-authenticate", "Basic realm=\"staging\""), ("content-type", "text/html")][..];
        for (status, headers, body, said) in [
            (403, html, &b"<html>"[..], "returns 403 with an HTML page of nginx instead of an error of the API"),
            (403, &[], b"RBAC: access denied", "returns 403 with text that is not JSON"),
            (401, &[], b"", "returns 401 with an empty body"),
            (401, basic, b"<html>", "asks for Basic authentication"),
            (407, html, b"<html>", "USER:PASSWORD"),
            (200, html, b"<html>", "returns 200 with an HTML page of nginx instead of JSON"),
            (404, &[], b"<?xml?>", "returns 404 with XML instead of JSON"),
        ] {
            let found = response(status, headers, body).foreign().unwrap_or_default();
            assert!(found.contains(said), "{status} {body:?}: {found}");
        }
        for (status, headers, body) in [
            (200, &[][..], &b"{}"[..]),
            (403, &[], error),
            (401, &[("www-authenticate", "Bearer")], error),
            (403, &[], br#"{"message":"Forbidden"}"#),
            (200, &[], b"hello"),
            (500, &[], b"oops"),
        ] {
            assert_eq!(response(status, headers, body).foreign(), None, "{status} {body:?}");
        }
    }
}
